package deadletter

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const maxPayload = 16 << 10

type bundle struct {
	server *natstest.Server
	js     jetstream.JetStream
	stream jetstream.Stream
	pub    *Publisher
}

func setup(t *testing.T, change func(*jetstream.StreamConfig)) bundle {
	t.Helper()
	s := natstest.Start(t, func(o *server.Options) { o.MaxPayload = maxPayload })
	js := s.JetStream(t)
	c := jetstream.StreamConfig{Name: "JOBS_DEAD", Subjects: []string{"jobs-dead.>"}, Duplicates: 100 * time.Millisecond}
	if change != nil {
		change(&c)
	}
	stream, err := js.CreateStream(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	pub := New(js, "JOBS_DEAD", "jobs-dead")
	pub.limit = 20 * time.Second // a busy machine is not what is tested
	return bundle{s, js, stream, pub}
}

// stored is everything on the dead-letter stream.
func (b bundle) stored(t *testing.T) []*jetstream.RawStreamMsg {
	t.Helper()
	info, err := b.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []*jetstream.RawStreamMsg
	for seq := max(info.State.FirstSeq, 1); seq <= info.State.LastSeq; seq++ {
		m, err := b.stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func (b bundle) one(t *testing.T) *jetstream.RawStreamMsg {
	t.Helper()
	all := b.stored(t)
	if len(all) != 1 {
		t.Fatalf("%d letters are stored, want 1", len(all))
	}
	return all[0]
}

func letter() Letter {
	return Letter{
		Route: "invoices", Reason: job.RejectedByTarget, Detail: "no such queue", Status: 404, Attempts: 1,
		Stream: "JOBS", Sequence: 7, Time: time.Unix(1769839200, 123456789), Subject: "jobs.invoices.x", RequestID: "inv-1",
		FailedAt: time.Unix(1769839201, 0),
		Header:   nats.Header{"Nats-Msg-Id": {"inv-1"}, "Nats-Rollup": {"all"}, "x-lower": {"kept"}},
		Data:     []byte("{\"id\": \"inv-1\"}\r\n\x00\xff"),
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	at := time.Unix(1769839200, 123456789)
	const want = "528aa798996ebd4c3602d7b354b98c7e"
	if got := Hash("JOBS", 7, at); got != want {
		t.Errorf("got %s, want %s: letters stored before would be stored again", got, want)
	}
	if Hash("JOBS", 7, at) != Hash("JOBS", 7, at.UTC()) {
		t.Error("the zone of the time counts")
	}
	others := map[string]string{
		"stream":   Hash("JOBS2", 7, at),
		"sequence": Hash("JOBS", 71, at),
		"time":     Hash("JOBS", 7, at.Add(1)),
		"shifted":  Hash("JOBS:7", 7, at),
	}
	for name, got := range others {
		if got == want || len(got) != hashDigits {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	l := letter()
	if err := b.pub.Publish(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	m := b.one(t)
	if !bytes.Equal(m.Data, l.Data) {
		t.Errorf("payload %q, want %q", m.Data, l.Data)
	}
	if want := "jobs-dead.invoices." + l.Hash(); m.Subject != want {
		t.Errorf("subject %s, want %s", m.Subject, want)
	}
	want := l.header()
	want["Nats-Msg-Id"] = []string{l.Hash()}
	want["Nats-Expected-Last-Subject-Sequence"] = []string{"0"}
	want["Nats-Expected-Stream"] = []string{"JOBS_DEAD"}
	if diff := cmp.Diff(want, m.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(letter(), l); diff != "" {
		t.Errorf("the letter was changed:\n%s", diff)
	}
}

// Inside of the duplicate window and long after it.
func TestPublishTwiceStoresOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	again := letter()
	again.Attempts, again.Detail = 2, "built after a crash"
	for range 3 {
		if err := b.pub.Publish(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	b.one(t)
	time.Sleep(300 * time.Millisecond) // the server keeps its own time
	if err := b.pub.Publish(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	b.one(t)
	b.server.Restart(t)
	waitConnected(t, b.js)
	if err := b.pub.Publish(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	b.one(t)

	other := letter()
	other.Sequence++
	if err := b.pub.Publish(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if n := len(b.stored(t)); n != 2 {
		t.Errorf("%d letters of two messages are stored", n)
	}
}

func TestPublishByManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			// The server may say of a letter that it is being stored just now: that
			// is an error, and the next try finds it stored.
			for range 100 {
				if err := b.pub.Publish(context.Background(), letter()); err == nil {
					return
				}
			}
			t.Error("never stored")
		})
	}
	wg.Wait()
	b.one(t)
}

func TestLargePayloadIsCompressed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	l := letter()
	l.Data = bytes.Repeat([]byte("a long story "), 2000)
	if err := b.pub.Publish(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	m := b.one(t)
	if got := m.Header[HeaderEncoding]; len(got) != 1 || got[0] != "gzip" {
		t.Fatalf("encoding %q, want gzip", got)
	}
	r, err := gzip.NewReader(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, l.Data) {
		t.Error("the payload is not what it was")
	}
}

// At the limit to the byte nothing is compressed, and the server takes it; one
// byte more is.
func TestLimitIsExact(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	l := letter()
	l.Data = nil
	m, err := b.pub.message(l)
	if err != nil {
		t.Fatal(err)
	}
	room := maxPayload - int(size(m))
	for i, extra := range []int{0, 1} {
		l.Sequence = 10 + uint64(i) // as many digits in both
		l.Data = make([]byte, room-1+extra)
		if err := b.pub.Publish(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		all := b.stored(t)
		_, compressed := all[i].Header[HeaderEncoding]
		if want := extra == 1; compressed != want {
			t.Errorf("%d bytes over the limit: compressed %v", extra, compressed)
		}
	}
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	noise := make([]byte, maxPayload)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	t.Run("for the server", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		l := letter()
		l.Data = noise
		wantTooBig(t, b, l)
	})
	t.Run("headers alone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		l := letter()
		l.Header = nats.Header{"X": {strings.Repeat("x", maxPayload)}}
		wantTooBig(t, b, l)
	})
	t.Run("for the stream", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *jetstream.StreamConfig) { c.MaxMsgSize = 2000 })
		l := letter()
		l.Data = noise[:4000]
		wantTooBig(t, b, l)
	})
}

func wantTooBig(t *testing.T, b bundle, l Letter) {
	t.Helper()
	err := b.pub.Publish(t.Context(), l)
	if !errors.Is(err, ErrTooBig) || !strings.Contains(err.Error(), "raise max_payload") {
		t.Errorf("error %v, want ErrTooBig", err)
	}
	if n := len(b.stored(t)); n != 0 {
		t.Errorf("%d letters are stored", n)
	}
}

func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const attack = "x\r\nNats-Rollup: all\r\nQueueferry-Reason: forged\r\n\r\n"
	l := letter()
	l.Detail, l.ErrorCode, l.Subject, l.RequestID = attack+strings.Repeat("ü", 1000), attack, attack, attack
	l.Reason = job.Reason(attack)
	l.Header = nats.Header{"X": {attack}, attack: {"y"}, "": {"z"}}
	if err := b.pub.Publish(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	m := b.one(t)
	if got := m.Header["Nats-Rollup"]; got != nil {
		t.Errorf("a header was smuggled in: %q", got)
	}
	if !bytes.Equal(m.Data, l.Data) {
		t.Errorf("payload %q", m.Data)
	}
	if got := m.Header[HeaderReason]; len(got) != 1 || strings.HasPrefix(got[0], "forged") {
		t.Errorf("reason %q", got)
	}
	if n := len(m.Header[HeaderDetail][0]); n > maxDetail || n < maxDetail-2 {
		t.Errorf("the detail has %d bytes, want %d", n, maxDetail)
	}
	if _, ok := m.Header[HeaderRequestID]; ok {
		t.Error("a request id is given that is not the request's")
	}
}

func TestPublishFails(t *testing.T) {
	t.Parallel()
	t.Run("no stream", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		if err := b.js.DeleteStream(t.Context(), "JOBS_DEAD"); err != nil {
			t.Fatal(err)
		}
		if err := b.pub.Publish(t.Context(), letter()); !errors.Is(err, jetstream.ErrNoStreamResponse) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("another stream would take it", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		if err := New(b.js, "OTHER", "jobs-dead").Publish(t.Context(), letter()); err == nil {
			t.Error("no error")
		}
		if n := len(b.stored(t)); n != 0 {
			t.Errorf("%d letters are stored", n)
		}
	})
	t.Run("stream is full", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 1, jetstream.DiscardNew })
		first, second := letter(), letter()
		second.Sequence++
		if err := b.pub.Publish(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if err := b.pub.Publish(t.Context(), second); err == nil {
			t.Error("no error")
		}
		if err := b.pub.Publish(t.Context(), first); err != nil {
			t.Errorf("the one that is stored: %v", err)
		}
	})
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		b.server.Shutdown()
		for deadline := time.Now().Add(20 * time.Second); b.js.Conn().IsConnected(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("still connected")
			}
		}
		if err := b.pub.Publish(t.Context(), letter()); !errors.Is(err, ErrDisconnected) {
			t.Errorf("error %v, want ErrDisconnected", err)
		}
	})
	t.Run("past its limit", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		b.pub.limit = time.Nanosecond
		if err := b.pub.Publish(t.Context(), letter()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func waitConnected(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !js.Conn().IsConnected(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not connected within 20 seconds")
		}
	}
}
