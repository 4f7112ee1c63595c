package natstest_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRestartKeepsAddressAndStore(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	url := s.URL()
	js := s.JetStream(t)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "kept", []byte("still here")); err != nil {
		t.Fatal(err)
	}

	s.Restart(t)

	if s.URL() != url {
		t.Errorf("after the restart the server listens at %s, want %s", s.URL(), url)
	}
	stream, err := s.JetStream(t).Stream(t.Context(), "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages after the restart, want 1", n)
	}
}

func TestShutdownTwice(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	s.Shutdown()
	s.Shutdown()
}
