package setup

import (
	"testing"

	"github.com/queueferry/queueferry/internal/config"
)

// Another process reaches the server inside of a worker at its listener.
func TestClient(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:4222": "nats://127.0.0.1:4222", ":4222": "nats://127.0.0.1:4222", "0.0.0.0:4222": "nats://127.0.0.1:4222",
		"[::]:4222": "nats://[::1]:4222", "10.0.0.7:1": "nats://10.0.0.7:1", "127.0.0.1:0": "",
	} {
		got, ok := Client(config.NATS{Embedded: &config.Embedded{Listen: listen}, User: "me"})
		if got.URL != want || ok != (want != "") || got.User != "me" {
			t.Errorf("%s: %s", listen, got.URL)
		}
	}
	if got, ok := Client(config.NATS{URL: "nats://a:4222"}); !ok || got.URL != "nats://a:4222" {
		t.Errorf("another server: %s", got.URL)
	}
}
