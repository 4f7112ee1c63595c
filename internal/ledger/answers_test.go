package ledger

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/natstest"
)

// writes are all ways to write, by what they were told of the key.
func writes(l *Ledger) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"make a record":     func(ctx context.Context) error { _, err := l.Store(ctx, key, 0, Record{}); return err },
		"change a record":   func(ctx context.Context) error { _, err := l.Store(ctx, key, 1, Record{}); return err },
		"delete":            func(ctx context.Context) error { return l.Delete(ctx, key, 1) },
		"make a claim":      func(ctx context.Context) error { return storeDone(ctx, l, 0) },
		"change to be done": func(ctx context.Context) error { return storeDone(ctx, l, 1) },
	}
}

func storeDone(ctx context.Context, l *Ledger, revision uint64) error {
	_, err := l.StoreClaim(ctx, requestKey, revision, aClaim(Done, "pod-1"), time.Hour)
	return err
}

// The context or the limit ends before the answer can come.
func TestNoAnswerIsUncertain(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	mustStore(t, l, 0, Record{Attempts: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, write := range writes(l) {
		if err := write(ctx); !errors.Is(err, ErrUncertain) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want ErrUncertain and the context's error", name, err)
		}
	}
	l.limit = time.Nanosecond
	for name, write := range writes(l) {
		if err := write(t.Context()); !errors.Is(err, ErrUncertain) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s past its limit: %v, want ErrUncertain and the limit's error", name, err)
		}
	}
	if _, err := l.Load(t.Context(), key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load past its limit: %v", err)
	}
	if _, err := l.LoadClaim(t.Context(), requestKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("LoadClaim past its limit: %v", err)
	}
}

// A write that the server refuses did not happen, and is no conflict.
func TestRefusedIsCertain(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	if err := l.js.DeleteKeyValue(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes(l) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := write(t.Context()); outcomeOf(err) != notStored {
				t.Errorf("without a bucket: %v", err)
			}
		})
	}
	for _, revision := range []uint64{0, 1} {
		if _, err := l.Store(t.Context(), Key{}, revision, Record{}); !errors.Is(err, jetstream.ErrInvalidKey) || errors.Is(err, ErrUncertain) {
			t.Errorf("no key: %v", err)
		}
	}
}

// answer is what a server says to a publish; nothing at all if it is nil.
type answer *nats.Msg

func says(text string) answer { return &nats.Msg{Data: []byte(text)} }

// nobody is how a server says that no stream takes the subject.
func nobody() answer { return &nats.Msg{Header: nats.Header{"Status": {"503"}}} }

// answering lets the subject of k say what it is told to, in turn, and counts the
// writes. The context ends when a write gets no answer.
func answering(t *testing.T, nc *nats.Conn, k Key, answers []answer) (context.Context, *atomic.Int64) {
	t.Helper()
	ctx, silent := context.WithCancel(t.Context())
	t.Cleanup(silent)
	var asked atomic.Int64
	_, err := nc.Subscribe("$KV."+bucket+"."+k.String(), func(m *nats.Msg) {
		if m.Header.Get(jetstream.ExpectedLastSubjSeqHeader) == "" {
			t.Error("a write that does not depend on the revision")
		}
		a := answers[min(int(asked.Add(1)), len(answers))-1]
		if a == nil {
			silent()
			return
		}
		if err := m.RespondMsg(&nats.Msg{Header: a.Header, Data: a.Data}); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return ctx, &asked
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	var (
		noAnswer answer
		written  = says(`{"stream":"KV_LEDGER","seq":9}`)
		single   = says(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}`)
		replicas = says(`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"}}`)
		full     = says(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`)
	)
	tests := map[string]struct {
		answers []answer
		asked   int64
		want    outcome
	}{
		"written":                {[]answer{written}, 1, stored},
		"conflict":               {[]answer{single}, 1, conflict},
		"conflict of replicas":   {[]answer{replicas}, 1, conflict},
		"full":                   {[]answer{full}, 1, notStored},
		"nobody":                 {[]answer{nobody()}, 3, notStored},
		"nobody, then written":   {[]answer{nobody(), written}, 2, stored},
		"nobody, then conflict":  {[]answer{nobody(), single}, 2, conflict},
		"nobody, then no answer": {[]answer{nobody(), noAnswer}, 2, uncertain},
		"no answer":              {[]answer{noAnswer}, 1, uncertain},
		"garbage":                {[]answer{says("<html>")}, 1, uncertain},
		"an empty answer":        {[]answer{says(`{}`)}, 1, uncertain},
	}
	s, l := open(t)
	if err := l.js.DeleteKeyValue(t.Context(), bucket); err != nil { // what is tested answers in its place
		t.Fatal(err)
	}
	nc := s.Conn(t)
	for name, tt := range tests {
		for what, revision := range map[string]uint64{"make": 0, "change": 3} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				k := RequestKey(what, name)
				ctx, asked := answering(t, nc, k, tt.answers)
				_, err := l.StoreClaim(ctx, k, revision, aClaim(Done, "pod-1"), time.Hour)
				if got := outcomeOf(err); got != tt.want {
					t.Errorf("%s (error %v), want %s", got, err, tt.want)
				}
				if got := asked.Load(); got != tt.asked {
					t.Errorf("written %d times, want %d", got, tt.asked)
				}
			})
		}
	}
}

// outcome is what the caller of a write learns.
type outcome string

const (
	stored    outcome = "stored"
	notStored outcome = "not stored"
	conflict  outcome = "conflict"
	uncertain outcome = "uncertain"
)

func outcomeOf(err error) outcome {
	switch {
	case err == nil:
		return stored
	case errors.Is(err, ErrUncertain):
		return uncertain
	case errors.Is(err, ErrConflict):
		return conflict
	default:
		return notStored
	}
}

// A ledger can be reached through a domain or a prefix: every write goes to the
// bucket that is read.
func TestPrefix(t *testing.T) {
	t.Parallel()
	inDomain := func(o *server.Options) { o.JetStreamDomain = "hub" }
	tests := map[string]func(*nats.Conn) (jetstream.JetStream, error){
		"domain": func(nc *nats.Conn) (jetstream.JetStream, error) { return jetstream.NewWithDomain(nc, "hub") },
		"prefix": func(nc *nats.Conn) (jetstream.JetStream, error) { return jetstream.NewWithAPIPrefix(nc, "$JS.hub.API") },
		"prefix and a dot": func(nc *nats.Conn) (jetstream.JetStream, error) {
			return jetstream.NewWithAPIPrefix(nc, "$JS.hub.API.")
		},
		"own prefix": func(nc *nats.Conn) (jetstream.JetStream, error) { return jetstream.NewWithAPIPrefix(nc, "$JS.API") },
	}
	for name, connect := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := open(t, natstest.Option(inDomain))
			js, err := connect(s.Conn(t))
			if err != nil {
				t.Fatal(err)
			}
			l := openOver(t, js)
			claimed := mustStoreClaim(t, l, 0, aClaim(Claimed, "pod-1"), 0)
			done := mustStoreClaim(t, l, claimed, aClaim(Done, "pod-1"), time.Hour)
			if got := mustLoadClaim(t, l); got.Revision != done || got.Claim.State != Done {
				t.Errorf("got %+v, want revision %d", got, done)
			}
		})
	}
}
