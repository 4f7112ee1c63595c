package broker

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/secret"
)

// embedded is a server on a free port with a store of its own.
func embedded(t *testing.T, s EmbeddedSettings) *Embedded {
	t.Helper()
	if s.Listen == "" {
		s.Listen = "127.0.0.1:0"
	}
	if s.StoreDir == "" {
		s.StoreDir = t.TempDir()
	}
	e, err := StartEmbedded(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	return e
}

func TestEmbeddedKeepsMessages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	first := embedded(t, EmbeddedSettings{StoreDir: dir})
	c := connect(t, Settings{URL: first.URL()})
	_, err := c.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}})
	if err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 4<<20) // more than the server's own default takes
	if _, err := c.JetStream().Publish(t.Context(), "kept", large); err != nil {
		t.Fatal(err)
	}
	first.Shutdown()
	first.Shutdown()

	second := embedded(t, EmbeddedSettings{StoreDir: dir})
	stream, err := connect(t, Settings{URL: second.URL()}).JetStream().Stream(t.Context(), "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages after the restart, want 1", n)
	}
	if !second.srv.JetStreamConfig().SyncAlways {
		t.Error("writes are not synced before they are acknowledged")
	}
}

func TestEmbeddedStoreIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	embedded(t, EmbeddedSettings{StoreDir: dir})
	for _, path := range []string{dir, filepath.Join(dir, "jetstream")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o, want 700", path, mode)
		}
	}
}

func TestEmbeddedTwoOnOneStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := embedded(t, EmbeddedSettings{StoreDir: dir})
	_, err := StartEmbedded(EmbeddedSettings{Listen: "127.0.0.1:0", StoreDir: dir})
	wantConfigError(t, err, "nats.embedded.store_dir", "another process uses "+dir)
	e.Shutdown()
	embedded(t, EmbeddedSettings{StoreDir: dir})
}

func TestEmbeddedRefuses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		listen, dir string
		says        string
	}{
		"port taken":             {l.Addr().String(), "", "cannot listen at " + l.Addr().String()},
		"no port":                {"127.0.0.1", "", "host:port"},
		"port is no number":      {"127.0.0.1:nats", "", "no valid port"},
		"port too large":         {"127.0.0.1:65536", "", "no valid port"},
		"open to the world":      {"0.0.0.0:0", "", "set nats.user"},
		"open to the world, v6":  {"[::]:0", "", "set nats.user"},
		"open, no host":          {":0", "", "set nats.user"},
		"open by a host's name":  {"example.com:0", "", "set nats.user"},
		"store is a file":        {"127.0.0.1:0", file, "nats.embedded.store_dir"},
		"store is inside a file": {"127.0.0.1:0", filepath.Join(file, "x"), "nats.embedded.store_dir"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.dir == "" {
				tt.dir = t.TempDir()
			}
			_, err := StartEmbedded(EmbeddedSettings{Listen: tt.listen, StoreDir: tt.dir})
			wantConfigError(t, err, tt.says)
		})
	}
}

// The address is taken between our look at it and the server's: the server only
// logs that.
func TestEmbeddedLosesTheRaceForItsAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := EmbeddedSettings{StoreDir: t.TempDir()}
	if _, err := s.start("127.0.0.1", l.Addr().(*net.TCPAddr).Port); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v, want that the address is in use", err)
	}
}

func TestEmbeddedBeyondLoopbackWithPassword(t *testing.T) {
	t.Parallel()
	e := embedded(t, EmbeddedSettings{Listen: "0.0.0.0:0", User: "u", Password: secret.Literal("p")})
	if !strings.HasPrefix(e.URL(), "nats://127.0.0.1:") {
		t.Errorf("URL %s", e.URL())
	}
	connect(t, Settings{URL: e.URL(), User: "u", Password: secret.Literal("p")})
}

func TestEmbeddedPassesItsLinesOn(t *testing.T) {
	t.Parallel()
	var lines atomic.Int64
	e := embedded(t, EmbeddedSettings{Log: func(string) { lines.Add(1) }})
	e.Shutdown()
	if lines.Load() == 0 {
		t.Error("no line of the server was passed on")
	}
}

// The next one on a store knows whether the last one came to an orderly end.
func TestEmbeddedKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := embedded(t, EmbeddedSettings{StoreDir: dir})
	if first.Killed() {
		t.Error("a new store: killed")
	}
	// The marker of a process that could not take it away.
	again := filepath.Join(dir, markerName)
	first.Shutdown()
	if _, err := os.Stat(again); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after an orderly end the marker is there: %v", err)
	}
	second := embedded(t, EmbeddedSettings{StoreDir: dir})
	if second.Killed() {
		t.Error("after an orderly end: killed")
	}
	second.Shutdown()
	if err := os.WriteFile(again, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	third := embedded(t, EmbeddedSettings{StoreDir: dir})
	if !third.Killed() {
		t.Error("after a kill: not killed")
	}
	third.Shutdown()
	if fourth := embedded(t, EmbeddedSettings{StoreDir: dir}); fourth.Killed() {
		t.Error("an orderly end after a kill: killed")
	}
}
