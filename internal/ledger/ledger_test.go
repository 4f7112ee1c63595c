package ledger

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bucket = "LEDGER"

// key is any message's.
var key = MessageKey("invoices", 7, time.Unix(1769839200, 5))

// open is a ledger in a bucket of its own, made as the worker makes it.
func open(t *testing.T, opts ...natstest.Option) (*natstest.Server, *Ledger) {
	t.Helper()
	s := natstest.Start(t, opts...)
	js := s.JetStream(t)
	ensure(t, js)
	return s, openOver(t, js)
}

func ensure(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	_, err := broker.Ensure(t.Context(), js, broker.Topology{
		Create:     true,
		Stream:     broker.Stream{Name: "JOBS", Subjects: []string{"jobs.>"}},
		DeadLetter: broker.DeadLetter{Stream: "JOBS_DEAD", Subject: "jobs-dead"},
		Bucket:     bucket,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func openOver(t *testing.T, js jetstream.JetStream) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), js, bucket)
	if err != nil {
		t.Fatal(err)
	}
	l.limit = 20 * time.Second // a busy machine is not what is tested
	return l
}

func mustStore(t *testing.T, l *Ledger, revision uint64, r Record) uint64 {
	t.Helper()
	written, err := l.Store(t.Context(), key, revision, r)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func mustLoad(t *testing.T, l *Ledger) Entry {
	t.Helper()
	e, err := l.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRecordLivesAndDies(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	if e := mustLoad(t, l); e != (Entry{}) {
		t.Fatalf("a message never noted: %+v", e)
	}
	at := time.Date(2026, 1, 31, 6, 0, 0, 1, time.UTC)
	first := Record{Attempts: 1, FirstTry: at, UnknownSince: at.Add(time.Second)}
	revision := mustStore(t, l, 0, first)
	if diff := cmp.Diff(Entry{first, revision}, mustLoad(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	second := Record{Attempts: 2, FirstTry: at, Dead: &Dead{Reason: job.AttemptsExhausted, Attempts: 2}}
	revision = mustStore(t, l, revision, second)
	if diff := cmp.Diff(Entry{second, revision}, mustLoad(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := l.Delete(t.Context(), key, revision); err != nil {
		t.Fatal(err)
	}
	if e := mustLoad(t, l); e != (Entry{}) {
		t.Errorf("after Delete: %+v", e)
	}
}

func TestStoreOverAMarker(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	revision := mustStore(t, l, 0, Record{Attempts: 1})
	if err := l.Delete(t.Context(), key, revision); err != nil {
		t.Fatal(err)
	}
	mustStore(t, l, 0, Record{Attempts: 5})
	if got := mustLoad(t, l).Record.Attempts; got != 5 {
		t.Errorf("%d attempts, want 5", got)
	}
	// So does a marker that another client left.
	if err := l.kv.Delete(t.Context(), key.String()); err != nil {
		t.Fatal(err)
	}
	if e := mustLoad(t, l); e != (Entry{}) {
		t.Errorf("after a plain delete: %+v", e)
	}
	mustStore(t, l, 0, Record{Attempts: 6})
}

func TestStoreConflict(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	old := mustStore(t, l, 0, Record{Attempts: 1})
	mustStore(t, l, old, Record{Attempts: 2})
	for name, revision := range map[string]uint64{"as new": 0, "stale": old, "never was": 1 << 40} {
		_, err := l.Store(t.Context(), key, revision, Record{Attempts: 9})
		if !errors.Is(err, ErrConflict) || errors.Is(err, ErrUncertain) {
			t.Errorf("%s: error %v, want ErrConflict", name, err)
		}
	}
	if got := mustLoad(t, l).Record.Attempts; got != 2 {
		t.Errorf("%d attempts, want 2", got)
	}
}

// Of fifty who write at once, one wins: over nothing, over a marker and over a
// record.
func TestStoreRace(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	store := func(revision uint64) func(int) error {
		return func(i int) error {
			_, err := l.Store(context.Background(), key, revision, Record{Attempts: i})
			return err
		}
	}
	wantOneWinner(t, "over nothing", store(0))
	wantOneWinner(t, "over a record", store(mustLoad(t, l).Revision))
	if err := l.Delete(t.Context(), key, mustLoad(t, l).Revision); err != nil {
		t.Fatal(err)
	}
	wantOneWinner(t, "over a marker", store(0))
}

// wantOneWinner calls write from fifty goroutines, of which all but one must be
// told of a conflict.
func wantOneWinner(t *testing.T, what string, write func(i int) error) {
	t.Helper()
	const writers = 50
	errs := make(chan error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs <- write(i) })
	}
	wg.Wait()
	close(errs)
	won := 0
	for err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrConflict) || errors.Is(err, ErrUncertain) {
			t.Errorf("%s: a loser got %v, want ErrConflict", what, err)
		}
	}
	if won != 1 {
		t.Errorf("%s: %d winners, want 1", what, won)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	if err := l.Delete(t.Context(), key, 0); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	if err := l.Delete(t.Context(), key, 77); err != nil {
		t.Errorf("gone since it was loaded: %v", err)
	}
	old := mustStore(t, l, 0, Record{Attempts: 1})
	revision := mustStore(t, l, old, Record{Attempts: 2})
	if err := l.Delete(t.Context(), key, old); !errors.Is(err, ErrConflict) {
		t.Errorf("written since it was loaded: %v, want ErrConflict", err)
	}
	if got := mustLoad(t, l).Record.Attempts; got != 2 {
		t.Errorf("%d attempts, want 2", got)
	}
	for range 2 {
		if err := l.Delete(t.Context(), key, revision); err != nil {
			t.Error(err)
		}
	}
}

// What Delete leaves behind goes by itself, or the bucket would grow for ever.
func TestMarkerExpires(t *testing.T) {
	t.Parallel()
	s, l := open(t)
	revision := mustStore(t, l, 0, Record{Attempts: 1})
	if err := l.Delete(t.Context(), key, revision); err != nil {
		t.Fatal(err)
	}
	stream, err := s.JetStream(t).Stream(t.Context(), "KV_"+bucket)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "$KV."+bucket+"."+key.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get(jetstream.MsgTTLHeader); got != "1m0s" {
		t.Errorf("the marker lives for %q, want 1m0s", got)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages in the bucket, want the marker alone", n)
	}
}

func TestLoadCorrupt(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	if _, err := l.kv.PutString(t.Context(), key.String(), "not a record"); err != nil {
		t.Fatal(err)
	}
	e, err := l.Load(t.Context(), key)
	if !errors.Is(err, ErrCorrupt) || !strings.HasPrefix(err.Error(), "ledger: load m.invoices.7-") {
		t.Errorf("error %v", err)
	}
	if e != (Entry{}) {
		t.Errorf("entry %+v beside the error", e)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s, l := open(t)
	revision := mustStore(t, l, 0, Record{Attempts: 1})
	s.Shutdown()
	waitFor(t, func() bool { return !l.nc.IsConnected() })
	_, errLoad := l.Load(t.Context(), key)
	_, errStore := l.Store(t.Context(), key, revision, Record{Attempts: 2})
	errDelete := l.Delete(t.Context(), key, revision)
	for _, err := range []error{errLoad, errStore, errDelete} {
		if !errors.Is(err, ErrDisconnected) || errors.Is(err, ErrUncertain) {
			t.Errorf("without a server: %v, want ErrDisconnected", err)
		}
	}
	s.Restart(t)
	waitFor(t, l.nc.IsConnected)
	if e := mustLoad(t, l); e.Revision != revision || e.Record.Attempts != 1 {
		t.Errorf("after the restart: %+v, want one attempt at revision %d", e, revision)
	}
	mustStore(t, l, revision, Record{Attempts: 2})
}

func TestOpenWithoutABucket(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	if _, err := Open(t.Context(), js, bucket); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("error %v, want ErrBucketNotFound", err)
	}
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("not within 20 seconds")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
