package deadletter

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

// halfway is a letter whose worker died before it could terminate the message,
// with one before it whose message is gone.
func (d *desk) halfway(noted *ledger.Dead) Letter {
	d.t.Helper()
	letter := func(id string) Letter {
		ack, err := d.js.Publish(d.t.Context(), "jobs.invoices.new", []byte(id))
		if err != nil {
			d.t.Fatal(err)
		}
		m, err := d.requests.GetMsg(d.t.Context(), ack.Sequence)
		if err != nil {
			d.t.Fatal(err)
		}
		l := aLetter(0)
		l.RequestID, l.Sequence, l.Time, l.Data = id, ack.Sequence, m.Time, m.Data
		if err := d.pub.Publish(d.t.Context(), l); err != nil {
			d.t.Fatal(err)
		}
		return l
	}
	d.letGo(letter("gone"))
	l := letter("halfway")
	record := ledger.Record{Attempts: 1, Dead: noted}
	if _, err := d.ledger.Store(d.t.Context(), ledger.MessageKey(l.Route, l.Sequence, l.Time), 0, record); err != nil {
		d.t.Fatal(err)
	}
	return l
}

// letGo is what the server does once the message is terminated.
func (d *desk) letGo(l Letter) {
	d.t.Helper()
	if err := d.requests.DeleteMsg(d.t.Context(), l.Sequence); err != nil {
		d.t.Fatal(err)
	}
}

// retain makes the stream of requests anew.
func (d *desk) retain(retention jetstream.RetentionPolicy) {
	d.t.Helper()
	c := d.requests.CachedInfo().Config
	c.Retention = retention
	err := d.js.DeleteStream(d.t.Context(), c.Name)
	if err == nil {
		d.requests, err = d.js.CreateStream(d.t.Context(), c)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// told has the replay, and its plan, say why each letter was left: by request id,
// "" where it was not.
func (d *desk) told(r *Replay, f Filter) (why map[string]string) {
	d.t.Helper()
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	planned := map[string]string{}
	for p, err := range r.Plan(d.t.Context(), f) {
		if err != nil {
			d.t.Fatal(err)
		}
		planned[p.Stored.RequestID] = text(p.Err)
	}
	why = map[string]string{}
	r.Told = func(p Replayed) { why[p.Stored.RequestID] = text(p.Err) }
	d.run(r, f)
	for id := range why {
		if why[id] != planned[id] {
			d.t.Errorf("%s: %q, planned was %q", id, why[id], planned[id])
		}
	}
	return why
}

// A worker that died between storing a letter and terminating its message has
// the next one store the letter again: until that is done it is not replayed, or
// it would come back.
func TestReplayWaitsUntilTheMessageIsTerminated(t *testing.T) {
	t.Parallel()
	for name, resend := range map[string]bool{"replay": false, "resend": true} {
		for _, retention := range []jetstream.RetentionPolicy{jetstream.WorkQueuePolicy, jetstream.LimitsPolicy, jetstream.InterestPolicy} {
			t.Run(name+" of "+retention.String(), func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, 0, 2*time.Minute)
				d.retain(retention)
				if retention == jetstream.InterestPolicy { // without a consumer nothing is stored
					if _, err := d.requests.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "invoices"}); err != nil {
						t.Fatal(err)
					}
				}
				l := d.halfway(&ledger.Dead{Reason: job.NotFound})
				key := ledger.RequestKey("acme", l.RequestID)
				claim := ledger.Claim{State: ledger.Claimed, Hash: "x", Message: ledger.MessageKey(l.Route, l.Sequence, l.Time).String()}
				if _, err := d.ledger.StoreClaim(t.Context(), key, 0, claim, 0); err != nil {
					t.Fatal(err)
				}
				r := d.replay()
				r.Resend = resend
				why := d.told(r, Filter{})
				if !strings.Contains(why["halfway"], "has not set it aside completely") || why["gone"] != "" || d.letters() != 1 {
					t.Errorf("%q, %d letters", why, d.letters())
				}
				if e, err := d.ledger.LoadClaim(t.Context(), key); err != nil || e.Revision == 0 {
					t.Errorf("the claim is cleared: %v", err)
				}
				time.Sleep(300 * time.Millisecond) // the window of the letters' stream
				if err := d.pub.Publish(t.Context(), l); err != nil {
					t.Fatal(err)
				}
				d.letGo(l)
				if why := d.told(r, Filter{}); len(why) != 1 || why["halfway"] != "" || d.letters() != 0 {
					t.Errorf("then %q, %d letters", why, d.letters())
				}
			})
		}
	}
}

// A stream with limits retention keeps what is settled: there the worker's note
// tells that it is not.
func TestReplayFromAStreamThatKeeps(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 0, 2*time.Minute)
	d.retain(jetstream.LimitsPolicy)
	d.halfway(nil)
	if why := d.told(d.replay(), Filter{}); len(why) != 2 || why["halfway"] != "" || d.letters() != 0 {
		t.Errorf("%q, %d letters", why, d.letters())
	}
}

// Where a letter's message was there is another one by now, or the letter is of
// another stream.
func TestReplayAndAnotherMessageInThePlace(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2, 2*time.Minute)
	for range 3 {
		if _, err := d.js.Publish(t.Context(), "jobs.invoices.new", []byte("another")); err != nil {
			t.Fatal(err)
		}
	}
	foreign := aLetter(2)
	foreign.Stream = "OTHER"
	if err := d.pub.Publish(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	if why := d.told(d.replay(), Filter{}); len(why) != 3 || d.letters() != 0 {
		t.Errorf("%q, %d letters", why, d.letters())
	}
}

// What nobody can read in the ledger keeps back its own letter, and says what to do.
func TestReplayAndABrokenKey(t *testing.T) {
	t.Parallel()
	past := ledger.PastKey(aLetter(1).Hash()).String()
	for name, tt := range map[string]struct {
		key    string
		resend bool
	}{
		"past":         {past, false},
		"past, resend": {past, true},
		"claim":        {ledger.RequestKey("acme", "id-1").String(), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 3, 2*time.Minute)
			bucket, err := d.js.KeyValue(t.Context(), "LEDGER")
			if err == nil {
				_, err = bucket.PutString(t.Context(), tt.key, "broken")
			}
			if err != nil {
				t.Fatal(err)
			}
			r := d.replay()
			r.Resend = tt.resend
			why := d.told(r, Filter{})
			if len(why) != 3 || why["id-0"]+why["id-2"] != "" || !strings.Contains(why["id-1"], "nats kv del LEDGER "+tt.key) || d.letters() != 1 {
				t.Errorf("%q, %d letters", why, d.letters())
			}
			if err := bucket.Delete(t.Context(), tt.key); err != nil {
				t.Fatal(err)
			}
			if why := d.told(r, Filter{}); len(why) != 1 || why["id-1"] != "" || d.letters() != 0 {
				t.Errorf("then %q, %d letters", why, d.letters())
			}
		})
	}
}
