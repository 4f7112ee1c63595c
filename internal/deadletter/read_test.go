package deadletter

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A letter of an earlier version, or one written by hand, is read as far as it
// goes.
func TestReadIsTolerant(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		subject string
		header  nats.Header
		want    Letter
	}{
		"nothing at all": {"jobs-dead.r.h", nil, Letter{Route: "r"}},
		"one token":      {"jobs-dead", nil, Letter{}},
		"broken numbers and times": {"jobs-dead.r.h", nats.Header{
			HeaderStatus: {"many"}, HeaderAttempts: {"-3"}, HeaderSequence: {"1e9"}, HeaderFirstTry: {"yesterday"}, HeaderFailedAt: {""}, HeaderUnknownSince: {"never"},
		}, Letter{Route: "r"}},
		"headers without a value": {"jobs-dead.r.h", nats.Header{HeaderReason: {}, HeaderRequestID: {}}, Letter{Route: "r"}},
		"an unknown reason":       {"jobs-dead.r.h", nats.Header{HeaderReason: {"of a later version"}}, Letter{Route: "r", Reason: "of a later version"}},
		"space around":            {"jobs-dead.r.h", nats.Header{HeaderAttempts: {" 7 "}}, Letter{Route: "r", Attempts: 7}},
		"the subject counts":      {"jobs-dead.r.h", nats.Header{HeaderRoute: {"other"}}, Letter{Route: "r"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(tt.subject, tt.header, nil).Letter
			got.Header = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutbound(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Queueferry-Original-Msg-Id": "Nats-Msg-Id", "Queueferry-Original-msg-id": "Nats-msg-id",
		"Queueferry-Original-Queueferry-Reason": "Queueferry-Reason", "Queueferry-Original-queueferry-reason": "queueferry-reason",
		"Queueferry-Original-Queueferry-Original-Msg-Id": "Queueferry-Original-Msg-Id",
		"Queueferry-Reason": "", "queueferry-reason": "", "Queueferry-Original-": "", "Nats-Msg-Id": "", "nats-ttl": "",
		"ce-id": "ce-id", "Natsy": "Natsy", "with%20space": "with%20space", "": "",
	} {
		if got := outbound(name); got != want {
			t.Errorf("outbound(%q) = %q, want %q", name, got, want)
		}
	}
}

// What inbound renamed, outbound gives back, if it needed no encoding.
func FuzzRead(f *testing.F) {
	f.Add("jobs-dead.r.h", "Nats-Msg-Id", "v", []byte("x"))
	f.Add("", "Queueferry-Encoding", "gzip", []byte("\x1f\x8b"))
	f.Add("..", "Queueferry-First-Try", "2026-01-31T06:00:00Z", []byte(nil))
	f.Add("a.b", "Queueferry-Sequence", "18446744073709551616", []byte("{}"))
	f.Fuzz(func(t *testing.T, subject, name, value string, data []byte) {
		s := read(subject, nats.Header{name: {value}}, data)
		if s.Attempts < 0 || s.Status < 0 || s.Size < 0 {
			t.Errorf("%+v", s)
		}
		_ = s.past()
		for kept := range s.Header {
			if hasPrefixFold(kept, ownPrefix) && !hasPrefixFold(name, OriginalPrefix) {
				t.Errorf("%q is one of ours and became %q", name, kept)
			}
		}
		if _, err := unpack(s.Raw, data); err != nil && !errors.Is(err, ErrPayload) {
			t.Error(err)
		}
		in := inbound(name)
		if prefix := hasPrefixFold(name, natsPrefix); in == name || prefix && escapeName(name) == name && len(name) > len(natsPrefix) && !hasPrefixFold(name[len(natsPrefix):], ownPrefix) {
			if out := outbound(in); out != name && !(prefix && out[len(natsPrefix):] == name[len(natsPrefix):]) {
				t.Errorf("%q became %q and came back as %q", name, in, out)
			}
		}
	})
}

// A payload that was compressed comes back as it was; one that is broken is that
// letter's error alone.
func TestListUnpacks(t *testing.T) {
	t.Parallel()
	b, s := shelf(t, 1)
	l := aLetter(1)
	l.Data = bytes.Repeat([]byte("a line that repeats\n"), maxPayload/10)
	if err := b.pub.Publish(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	broken := make([]byte, 100)
	for i := range broken {
		broken[i] = byte(rand.IntN(256))
	}
	m := &nats.Msg{Subject: "jobs-dead.invoices.broken", Data: append([]byte{0x1f, 0x8b, 8, 0}, broken...), Header: nats.Header{HeaderEncoding: {"gzip"}}}
	if _, err := b.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := b.pub.Publish(t.Context(), aLetter(2)); err != nil {
		t.Fatal(err)
	}
	var faults []error
	var sizes []int
	for l, err := range s.List(t.Context(), Filter{}, true) {
		if err != nil {
			faults = append(faults, err)
		}
		sizes = append(sizes, len(l.Data))
	}
	if len(faults) != 1 || !errors.Is(faults[0], ErrPayload) {
		t.Errorf("errors %v", faults)
	}
	if diff := cmp.Diff([]int{9, len(l.Data), 0, 9}, sizes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnpackIsBounded(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range mostUnpacked>>20 + 1 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(nats.Header{HeaderEncoding: {"gzip"}}, bomb.Bytes()); !errors.Is(err, ErrPayload) {
		t.Errorf("%v", err)
	}
}

// A list goes on when the server was away for a while.
func TestListSurvivesAReconnect(t *testing.T) {
	t.Parallel()
	b, s := shelf(t, 60)
	s.patient = 8
	n := 0
	for l, err := range s.List(t.Context(), Filter{}, false) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Place != uint64(n+1) {
			t.Fatalf("letter %d is at %d", n, l.Place)
		}
		if n++; n == 20 {
			b.server.Restart(t)
		}
	}
	if n != 60 {
		t.Errorf("%d letters", n)
	}
}

// It ends soon when its context does, although nobody answers.
func TestListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, s := shelf(t, 60)
	s.patient = 8
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range s.List(ctx, Filter{}, false) {
		last = err
		if n++; n == 10 {
			b.server.Shutdown()
			time.AfterFunc(100*time.Millisecond, cancel)
		}
	}
	if !errors.Is(last, context.Canceled) || n > 60 {
		t.Errorf("%d letters, %v", n, last)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if _, err := Open(t.Context(), b.js, "MISSING", "x"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("%v", err)
	}
}
