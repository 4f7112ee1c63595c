package consumer

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

// trace is the order in which things were done.
type trace struct {
	*book
	steps chan string
}

func (tr *trace) Store(ctx context.Context, k ledger.Key, revision uint64, r ledger.Record) (uint64, error) {
	if r.Dead != nil {
		tr.steps <- "noted"
	}
	return tr.book.Store(ctx, k, revision, r)
}

func (tr *trace) Delete(ctx context.Context, k ledger.Key, revision uint64) error {
	tr.steps <- "forgotten"
	return tr.book.Delete(ctx, k, revision)
}

// The dead letter is noted, stored, and only then terminated; the note goes last.
func TestOrderOfADeadLetter(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	tr := &trace{newBook(), make(chan string, 10)}
	acks, err := b.server.Conn(t).Subscribe("$JS.ACK.>", func(m *nats.Msg) {
		if strings.HasPrefix(string(m.Data), "+TERM") {
			tr.steps <- "terminated"
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = acks.Unsubscribe() })
	g := always(job.Reject(job.RejectedByTarget, ""))
	b.start(g, func(s *Settings) {
		s.Ledger = tr
		s.DeadLetters = &letters{to: s.DeadLetters, fault: func(int) (before, after error) {
			tr.steps <- "stored"
			return nil, nil
		}}
	})
	b.publish("one")
	var got []string
	for range 4 {
		got = append(got, receive(t, tr.steps, "step"))
	}
	// The term is seen by a bystander, who may hear of it late.
	if at := slices.Index(got, "terminated"); at < 2 {
		t.Errorf("steps %v", got)
	}
	got = slices.DeleteFunc(got, func(s string) bool { return s == "terminated" })
	if diff := cmp.Diff([]string{"noted", "stored", "forgotten"}, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// A note that cannot be made: nothing is published, nothing terminated.
func TestDeadLetterIsNotNoted(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{"refused": errInjected, "uncertain": ledger.ErrUncertain, "conflict": ledger.ErrConflict} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			book := newBook()
			book.written = name == "uncertain"
			book.onStore = func(n int, _ ledger.Record) error {
				if n == 1 {
					return fault
				}
				return nil
			}
			g := always(job.Reject(job.RejectedByTarget, ""))
			sent := &letters{fault: func(int) (before, after error) { return nil, nil }}
			b.start(g, func(s *Settings) {
				quick(s)
				s.Ledger, sent.to, s.DeadLetters = book, s.DeadLetters, sent
			})
			b.publish("one")
			line := b.awaitSettled(1)
			if line["disposition"] != "nak" || len(b.lines("deadletter.failed")) != 1 {
				t.Errorf("settled as %v, %d times deadletter.failed", line, len(b.lines("deadletter.failed")))
			}
			if got := b.answers.texts(t, 1)[0]; !strings.HasPrefix(got, "-NAK {") {
				t.Errorf("answered %q", got)
			}
			b.awaitSettled(2)
			await(t, "the term", func() bool { return b.left() == 0 })
			// An uncertain note that took effect is a note: there is no second call.
			want := 2
			if name == "uncertain" {
				want = 1
			}
			if len(g.calls()) != want || len(sent.tried()) != 1 || b.messages("JOBS_DEAD") != 1 {
				t.Errorf("%d calls, %d letters sent, %d stored", len(g.calls()), len(sent.tried()), b.messages("JOBS_DEAD"))
			}
		})
	}
}

// Between the note and the term a worker may be killed at any point. What finds
// the note is never called again, and stored once, however often it is sent.
func TestDeadLetterIsNotStored(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(n int) (before, after error){
		"before it is stored": func(n int) (before, after error) { return failFirst(n), nil },
		"after it was stored": func(n int) (before, after error) { return nil, failFirst(n) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newRig(t, 30*time.Second)
			g := always(job.Outcome{
				Verdict: job.Rejected, Reason: job.NotFound, Detail: "no queue Invoices", Status: 404, ErrorCode: "1002", Called: true,
			})
			sent := &letters{fault: fault}
			b.start(g, func(s *Settings) {
				quick(s)
				sent.to, s.DeadLetters = s.DeadLetters, sent
			})
			b.publish("one")
			b.awaitSettled(2)
			await(t, "the term", func() bool { return b.left() == 0 })
			if n := len(g.calls()); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
			tries := sent.tried()
			if n := b.messages("JOBS_DEAD"); n != 1 || len(tries) != 2 {
				t.Errorf("%d letters stored of %d sent", n, len(tries))
			}
			tries[0].FailedAt, tries[0].FirstTry = tries[0].FailedAt.UTC().Round(0), tries[0].FirstTry.UTC().Round(0)
			if diff := cmp.Diff(tries[0], tries[1]); diff != "" {
				t.Errorf("the second letter is another one (-first +second):\n%s", diff)
			}
			failed := b.lines("deadletter.failed")
			if len(failed) != 1 || failed[0]["reason"] != "not_found" || failed[0]["error"] != errInjected.Error() {
				t.Errorf("deadletter.failed %v", failed)
			}
			first, last := b.lines("delivery.settled")[0], b.lines("delivery.settled")[1]
			if first["disposition"] != "nak" || first["attempt"] != 1 || last["disposition"] != "dead_letter" || last["attempt"] != 1 {
				t.Errorf("settled as %v and %v", first, last)
			}
			if string(b.letter(1).Data) != "one" {
				t.Errorf("payload %q", b.letter(1).Data)
			}
			b.noRecords()
		})
	}
}

func failFirst(n int) error {
	if n == 1 {
		return errInjected
	}
	return nil
}

// A letter that cannot be stored is tried again after the longest wait.
func TestDeadLetterWaitsForLong(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.start(always(job.Reject(job.RejectedByTarget, "")), func(s *Settings) {
		s.DeadLetters = &letters{fault: func(int) (before, after error) { return errInjected, nil }}
	})
	b.publish("one")
	if got := b.answers.texts(t, 1)[0]; brief(got, time.Minute) != "-NAK 1m0s" {
		t.Errorf("answered %q, want a nak of retry.max", got)
	}
	if r := b.record(1).Record; r.Dead == nil || r.Attempts != 1 {
		t.Errorf("noted %+v", r)
	}
}

// The server is gone before it can be told of the term: the next delivery finds
// the note, and there is one letter.
func TestTermNeverArrives(t *testing.T) {
	t.Parallel()
	b := newRig(t, time.Second)
	p := newProxy(t, b.server)
	g := always(job.Reject(job.RejectedByTarget, ""))
	sent := &letters{fault: func(int) (before, after error) { return nil, nil }}
	b.startOn(p.conn(t), g, func(s *Settings) {
		sent.to, s.DeadLetters = s.DeadLetters, &freezing{sent, p}
	})
	b.publish("one")
	line := b.awaitSettled(1)
	if line["disposition"] != "dead_letter" {
		t.Errorf("settled as %v", line)
	}
	p.cut()
	p.thaw()
	await(t, "the term", func() bool { return b.left() == 0 })
	if n := b.messages("JOBS_DEAD"); n != 1 || len(g.calls()) != 1 || len(sent.tried()) < 2 {
		t.Errorf("%d letters stored of %d sent, %d calls", n, len(sent.tried()), len(g.calls()))
	}
}

// freezing freezes the connection after the first letter.
type freezing struct {
	*letters
	proxy *proxy
}

func (f *freezing) Publish(ctx context.Context, l deadletter.Letter) error {
	err := f.letters.Publish(ctx, l)
	if len(f.letters.tried()) == 1 {
		f.proxy.freeze()
	}
	return err
}

// A message whose identity nobody could read keeps what it came with: the letter
// makes up none.
func TestLetterOfAMessageWithoutIdentity(t *testing.T) {
	t.Parallel()
	b := newRig(t, 30*time.Second)
	b.start(newTarget(nil), func(s *Settings) {
		quick(s)
		s.Decoder = panicking
	})
	m := &nats.Msg{Subject: "jobs.invoices.a", Data: []byte("x"), Header: nats.Header{"Nats-Msg-Id": {"mine"}}}
	if _, err := b.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	await(t, "the dead letter", func() bool { return b.messages("JOBS_DEAD") == 1 })
	h := b.letter(1).Header
	if h.Get("Queueferry-Request-Id") != "" || h.Get("Queueferry-Original-Msg-Id") != "mine" {
		t.Errorf("dead letter %v", h)
	}
}
