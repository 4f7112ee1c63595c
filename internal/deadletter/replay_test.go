package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

// desk is a shelf of letters with what a replay needs.
type desk struct {
	bundle
	t        *testing.T
	store    *Store
	ledger   *ledger.Ledger
	requests jetstream.Stream
}

func newDesk(t *testing.T, n int, window time.Duration) *desk {
	t.Helper()
	b, s := shelf(t, n)
	requests, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "JOBS", Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy, Duplicates: window,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "LEDGER", LimitMarkerTTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	d := &desk{bundle: b, t: t, store: s, requests: requests}
	d.ledger = d.open(b.js)
	return d
}

func (d *desk) open(js jetstream.JetStream) *ledger.Ledger {
	d.t.Helper()
	l, err := ledger.Open(d.t.Context(), js, "LEDGER")
	if err != nil {
		d.t.Fatal(err)
	}
	return l
}

func (d *desk) replay() *Replay {
	return &Replay{Store: d.store, Ledger: d.ledger, JetStream: d.js, Stream: "JOBS", Owner: "me", Target: home}
}

func home(s Stored) (Destination, error) {
	return Destination{Subject: s.Subject, RequestID: s.RequestID, Connection: "acme"}, nil
}

func (d *desk) run(r *Replay, f Filter) Result {
	d.t.Helper()
	got, err := r.Run(d.t.Context(), f)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

// published is what waits in the stream of requests, by request id.
func (d *desk) published() map[string][]*jetstream.RawStreamMsg {
	d.t.Helper()
	all := map[string][]*jetstream.RawStreamMsg{}
	for seq := uint64(1); ; seq++ {
		m, err := get(context.Background(), d.js, "JOBS", question{Seq: seq, NextFor: ">"})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all
		}
		if err != nil {
			d.t.Fatal(err)
		}
		id := m.Header.Get(HeaderRequestID)
		all[id], seq = append(all[id], m), m.Sequence
	}
}

func (d *desk) letters() int {
	d.t.Helper()
	info, err := d.stream.Info(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return int(info.State.Msgs)
}

// A letter goes back as it came, under its id, and is a letter no more.
func TestReplay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 150, 2*time.Minute)
	r := d.replay()
	told := 0
	r.Told = func(what Replayed) {
		if what.Err != nil || what.Destination.Subject != "jobs.invoices.new" {
			t.Errorf("told %v", what)
		}
		told++
	}
	if got := d.run(r, Filter{Reasons: []job.Reason{job.NotFound}}); got != (Result{Replayed: 75}) || told != 75 || d.letters() != 75 {
		t.Errorf("%+v, told %d, %d letters", got, told, d.letters())
	}
	all := d.published()
	for i := 0; i < 150; i += 2 {
		id := fmt.Sprint("id-", i)
		if len(all[id]) != 1 {
			t.Fatalf("%s: %d messages", id, len(all[id]))
		}
		m := all[id][0]
		want := nats.Header{
			"Nats-Msg-Id": {"replay-" + aLetter(i).Hash()}, "Nats-Expected-Stream": {"JOBS"}, "Queueferry-Request-Id": {id},
			"Business": {"a", "b"}, "Queueferry-Reason": {"forged"},
		}
		if diff := cmp.Diff(want, m.Header); diff != "" || string(m.Data) != fmt.Sprint("payload ", i) || m.Subject != "jobs.invoices.new" {
			t.Errorf("%s: %q to %s (-want +got):\n%s", id, m.Data, m.Subject, diff)
		}
	}
	if e, err := d.ledger.LoadReplay(t.Context()); err != nil || e.Revision != 0 {
		t.Errorf("the lock is there still: %+v, %v", e, err)
	}
	if e := d.past(0); e.Revision != 0 {
		t.Errorf("a past %+v", e.Record)
	}
}

func (d *desk) past(i int) ledger.Entry {
	d.t.Helper()
	e, err := d.ledger.Load(d.t.Context(), ledger.PastKey(aLetter(i).Hash()))
	if err != nil {
		d.t.Fatal(err)
	}
	return e
}

// Before a letter in doubt is published the worker is told to look first.
func TestReplayNotesThePast(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2, time.Minute)
	d.run(d.replay(), Filter{})
	want := ledger.Record{FirstTry: aLetter(1).FirstTry, UnknownSince: aLetter(1).FailedAt}
	if diff := cmp.Diff(want, d.past(1).Record); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestThePastOfALetter(t *testing.T) {
	t.Parallel()
	at, later := anHour, anHour.Add(time.Minute)
	for name, tt := range map[string]struct {
		l    Letter
		want past
	}{
		"not found":                  {Letter{Reason: job.NotFound, FirstTry: at, FailedAt: later}, past{}},
		"not found, after a doubt":   {Letter{Reason: job.NotFound, FirstTry: at, FailedAt: later, UnknownSince: at}, past{at, at}},
		"unknown":                    {Letter{Reason: job.UnknownOutcome, FirstTry: at, FailedAt: later}, past{at, later}},
		"unknown, and no first try":  {Letter{Reason: job.UnknownOutcome, FailedAt: later}, past{time.Unix(0, 0), later}},
		"exhausted, all failed":      {Letter{Reason: job.AttemptsExhausted, FirstTry: at, FailedAt: later}, past{}},
		"a panic before any call":    {Letter{Reason: job.Panicked, FailedAt: later}, past{}},
		"a panic in a call":          {Letter{Reason: job.Panicked, FirstTry: at, FailedAt: later, UnknownSince: later}, past{at, later}},
		"exhausted, the last unsure": {Letter{Reason: job.AttemptsExhausted, FirstTry: at, FailedAt: later, UnknownSince: later}, past{at, later}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read("jobs-dead.r.h", tt.l.header(), nil).past(); !got.firstTry.Equal(tt.want.firstTry) || !got.unknownSince.Equal(tt.want.unknownSince) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	// An earlier version wrote nothing of doubts.
	old := read("jobs-dead.r.h", nats.Header{HeaderReason: {"attempts_exhausted"}, HeaderFirstTry: {timestamp(at)}, HeaderFailedAt: {timestamp(later)}}, nil)
	if got := old.past(); !got.unknownSince.Equal(later) {
		t.Errorf("of an earlier version: %v", got)
	}
}

// Resend clears what the letter's own message left behind, and nothing else.
func TestReplayResend(t *testing.T) {
	t.Parallel()
	l := aLetter(1)
	own := ledger.MessageKey(l.Route, l.Sequence, l.Time).String()
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for name, tt := range map[string]struct {
		claim ledger.Claim
		gone  bool
		why   string
	}{
		"its own":              {ledger.Claim{State: ledger.Claimed, Until: past, Message: own}, true, ""},
		"another message's":    {ledger.Claim{State: ledger.Claimed, Until: past, Message: "m.jobs.7-5"}, false, ""},
		"of a message unnamed": {ledger.Claim{State: ledger.Claimed, Until: past}, false, ""},
		"in hand":              {ledger.Claim{State: ledger.Claimed, Until: future, Message: own, Owner: "pod-1"}, false, "pod-1 has the request in hand"},
		"done":                 {ledger.Claim{State: ledger.Done, Until: past, Message: own, ReceiptID: "77"}, false, "was carried out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 2, time.Minute)
			tt.claim.Hash = "x"
			key := ledger.RequestKey("acme", l.RequestID)
			if _, err := d.ledger.StoreClaim(t.Context(), key, 0, tt.claim, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := d.ledger.Store(t.Context(), ledger.PastKey(l.Hash()), 0, ledger.Record{UnknownSince: past}); err != nil {
				t.Fatal(err)
			}
			r := d.replay()
			r.Resend = true
			var left error
			r.Told = func(what Replayed) { left = what.Err }
			f := Filter{IDs: []string{l.RequestID}}
			var planned []error
			for p, err := range r.Plan(t.Context(), f) {
				planned = append(planned, errors.Join(p.Err, err))
			}
			got := d.run(r, f)
			if (left == nil) != (tt.why == "") || left != nil && !strings.Contains(left.Error(), tt.why) || got.Left+got.Replayed != 1 {
				t.Errorf("%+v: %v", got, left)
			}
			if len(planned) != 1 || (planned[0] == nil) != (left == nil) {
				t.Errorf("planned %v", planned)
			}
			if e, err := d.ledger.LoadClaim(t.Context(), key); err != nil || (e.Revision == 0) != tt.gone {
				t.Errorf("claim %+v, %v", e, err)
			}
			if e := d.past(1); (e.Revision == 0) != (tt.why == "") {
				t.Errorf("past %+v", e)
			}
		})
	}
}

// A route cannot tell what another one may have carried out: that letter is left,
// unless somebody has looked; then the claim under its own connection counts.
func TestReplayElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 4, time.Minute)
	key := ledger.RequestKey("own", "id-3")
	done := ledger.Claim{State: ledger.Done, Hash: "x", Message: ledger.MessageKey("jobs", 4, anHour).String()}
	if _, err := d.ledger.StoreClaim(t.Context(), key, 0, done, 0); err != nil {
		t.Fatal(err)
	}
	r := d.replay()
	r.Target = func(s Stored) (Destination, error) {
		to, err := home(s)
		to.Elsewhere, to.Origin = true, "own"
		return to, err
	}
	var left []string
	r.Told = func(what Replayed) {
		if what.Err != nil {
			left = append(left, what.Err.Error())
		}
	}
	if got := d.run(r, Filter{}); got != (Result{Replayed: 2, Left: 2}) || !strings.Contains(left[0], "wrong place") {
		t.Errorf("%+v: %q", got, left)
	}
	r.Resend, left = true, nil
	if got := d.run(r, Filter{}); got != (Result{Replayed: 1, Left: 1}) || !strings.Contains(left[0], "was carried out") {
		t.Errorf("%+v: %q", got, left)
	}
}

// What is left says why, and harms no neighbour.
func TestReplayLeavesWhatCannotGo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 4, time.Minute)
	for subject, header := range map[string]nats.Header{
		"jobs-dead.invoices.byhand":                         {},
		"jobs-dead.invoices." + strings.Repeat("ab", 16):    {HeaderEncoding: {"gzip"}},
		"jobs-dead.invoices.0123." + strings.Repeat("1", 4): {},
	} {
		if _, err := d.js.PublishMsg(t.Context(), &nats.Msg{Subject: subject, Header: header, Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	r := d.replay()
	errNowhere := errors.New("no such route")
	r.Target = func(s Stored) (Destination, error) {
		to, _ := home(s)
		switch s.RequestID {
		case "id-0":
			return to, errNowhere
		case "id-1":
			to.Subject = "jobs-dead.elsewhere"
		}
		return to, nil
	}
	var why []string
	r.Told = func(what Replayed) {
		if what.Err != nil {
			why = append(why, what.Err.Error())
		}
	}
	if got := d.run(r, Filter{}); got != (Result{Replayed: 2, Left: 4}) {
		t.Errorf("%+v: %q", got, why)
	}
	all := strings.Join(why, "\n")
	for _, want := range []string{"no such route", "by hand", "decompressed", "expected stream"} {
		if !strings.Contains(all, want) {
			t.Errorf("nobody is told of %q: %s", want, all)
		}
	}
}

func TestReplayIsRefusedBesideAnother(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1, time.Minute)
	since := time.Now().Add(-time.Minute)
	if _, err := d.ledger.StoreReplay(t.Context(), 0, ledger.Replay{Owner: "anna", Nonce: "n", Since: since, Until: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	_, err := d.replay().Run(t.Context(), Filter{})
	if !errors.Is(err, ErrUnderWay) || !strings.Contains(err.Error(), "anna") || !strings.Contains(err.Error(), since.UTC().Format(time.RFC3339)) {
		t.Errorf("%v", err)
	}
	if d.letters() != 1 {
		t.Error("replayed all the same")
	}
}

// What somebody else published under the letter's id is not taken for a replay.
func TestReplayAndAForeignDuplicate(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]bool{"still there": false, "gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 1, time.Minute)
			id := MessageID(aLetter(0).Hash())
			if _, err := d.js.Publish(t.Context(), "jobs.other", []byte("other"), jetstream.WithMsgID(id)); err != nil {
				t.Fatal(err)
			}
			if gone {
				if err := d.requests.Purge(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.run(d.replay(), Filter{}); got != (Result{Left: 1}) || d.letters() != 1 {
				t.Errorf("%+v, %d letters", got, d.letters())
			}
			if d.past(0).Revision == 0 {
				t.Error("no past is noted")
			}
		})
	}
}

// A header would bring such an id back as another one, and with it another
// reference: the request of a lost answer would be made twice.
func TestReplayBearsNoIDThatAHeaderWouldChange(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		" inv-1": "", "inv-1 ": "", "inv-1\t": "", "inv\n1": "", "inv\r1": "",
		"inv 1": "inv 1", "inv\t1": "inv\t1", "Grüße 漢字": "Grüße 漢字", "\x01\x7f": "\x01\x7f",
		strings.Repeat("i", 5000): strings.Repeat("i", 5000),
	} {
		t.Run(fmt.Sprintf("%.20q", id), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 1, 2*time.Minute)
			r := d.replay()
			r.Target = func(s Stored) (Destination, error) {
				return Destination{Subject: s.Subject, RequestID: id, Connection: "acme"}, nil
			}
			d.run(r, Filter{})
			if got := d.published(); len(got) != 1 || len(got[want]) != 1 {
				t.Errorf("published as %v", got)
			}
		})
	}
}
