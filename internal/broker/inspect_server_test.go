package broker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/secret"
)

// accounts is a server with the accounts and users of a configuration.
func accounts(t *testing.T, text string) *natstest.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return natstest.Start(t, func(o *server.Options) { o.Accounts, o.Users = opts.Accounts, opts.Users })
}

// user is the settings of a user whose password is the name.
func user(s *natstest.Server, name string) Settings {
	return Settings{URL: s.URL(), User: name, Password: secret.Literal(name)}
}

func TestInspectTellsOfTheAccount(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		jetstream string
		want      map[string]finding.Status
	}{
		"no limits": {"{max_streams: 10, max_store: 1G}", besides(nil)},
		"streams":   {"{max_streams: 4}", besides(map[string]finding.Status{"nats/account streams": finding.Warning})},
		"consumers": {"{max_consumers: 1}", besides(map[string]finding.Status{"nats/account consumers": finding.Warning, "consumer beta/existence": finding.Unknown})},
		"storage":   {"{max_store: 100K}", besides(map[string]finding.Status{"nats/account storage": finding.Warning})},
		"disabled":  {"disabled", map[string]finding.Status{"nats/jetstream": finding.Error}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := accounts(t, `accounts { A { jetstream: `+tt.jetstream+`, users: [{user: a, password: a}] } }`)
			js := s.JetStream(t, nats.UserInfo("a", "a"))
			_, _ = Ensure(t.Context(), js, sample()) // as far as it goes
			if name == "storage" {
				if _, err := js.Publish(t.Context(), "jobs.b", make([]byte, 90<<10)); err != nil {
					t.Fatal(err)
				}
			}
			wantBad(t, Inspect(t.Context(), connect(t, user(s, "a")), sample(), Inspection{}), tt.want)
		})
	}
}

func TestInspectWithoutJetStream(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t, func(o *server.Options) { o.JetStream = false })
	wantBad(t, Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), sample(), Inspection{}),
		map[string]finding.Status{"nats/jetstream": finding.Error})
}

func TestInspectWithoutAServer(t *testing.T) {
	t.Parallel()
	wantBad(t, Inspect(t.Context(), start(t, Settings{URL: "nats://" + natstest.FreeAddress(t)}), sample(), Inspection{}),
		map[string]finding.Status{"nats/connection": finding.Error})
}

func TestVersionFinding(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version string
		want    finding.Finding
	}{
		"new": {"2.15.2", finding.Good("nats", "version", "2.15.2")},
		"vulnerable": {"2.12.5", finding.Bad(finding.Warning, "nats", "version",
			"the NATS server is version 2.12.5", "use 2.12.6 or later, it closes published vulnerabilities")},
		"too old": {"2.10.0", finding.Bad(finding.Error, "nats", "version",
			"the NATS server is version 2.10.0, which cannot let single ledger keys expire", "use 2.12.6 or later")},
		"unreadable": {"master", finding.Bad(finding.Warning, "nats", "version",
			`the NATS server's version "master" cannot be read`, "it should be 2.12.6 or later")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, versionFinding(tt.version)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		took, ahead time.Duration // ahead: of when it was sent
		want        finding.Status
		says        string
	}{
		"the same":             {took: 2 * time.Second, ahead: time.Second, want: finding.OK, says: "the server's clock is 0s ahead of ours"},
		"a little ahead":       {ahead: 15 * time.Second, want: finding.OK, says: "the server's clock is 15s ahead of ours"},
		"too far ahead":        {ahead: 16 * time.Second, want: finding.Warning},
		"too far behind":       {ahead: -16 * time.Second, want: finding.Warning},
		"perhaps too far":      {took: 10 * time.Second, ahead: 22 * time.Second, want: finding.OK, says: "the server's clock is 17s ahead of ours"},
		"certainly too far":    {took: 10 * time.Second, ahead: 26 * time.Second, want: finding.Warning},
		"a little behind ours": {took: time.Second, ahead: -time.Second, want: finding.OK, says: "the server's clock is 1.5s behind ours"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := skew(30*time.Second, sent, sent.Add(tt.took), sent.Add(tt.ahead))
			if f.Status != tt.want || (tt.says != "" && f.Detail != tt.says) {
				t.Errorf("%+v, want %v %q", f, tt.want, tt.says)
			}
		})
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	type peers = []*jetstream.PeerInfo
	current, lagging, offline := &jetstream.PeerInfo{Name: "b", Current: true}, &jetstream.PeerInfo{Name: "c", Lag: 7}, &jetstream.PeerInfo{Name: "d", Offline: true}
	tests := map[string]struct {
		group  *jetstream.ClusterInfo
		want   finding.Status
		detail string
	}{
		"alone":     {nil, finding.OK, "one server"},
		"leader":    {&jetstream.ClusterInfo{Leader: "a"}, finding.OK, "a"},
		"current":   {&jetstream.ClusterInfo{Leader: "a", Replicas: peers{current}}, finding.OK, "a, and 1 others are current"},
		"no leader": {&jetstream.ClusterInfo{Replicas: peers{current}}, finding.Error, "it has none: nothing is stored or delivered"},
		"behind":    {&jetstream.ClusterInfo{Leader: "a", Replicas: peers{current, lagging, offline}}, finding.Warning, "it has a leader, but c lags by 7, d is offline"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f := group("stream JOBS", tt.group); f.Status != tt.want || f.Detail != tt.detail {
				t.Errorf("%+v, want %v %q", f, tt.want, tt.detail)
			}
		})
	}
}

func TestPayloadFinding(t *testing.T) {
	t.Parallel()
	if f := payloadFinding(1024); f.Status != finding.Warning || !strings.Contains(f.Remedy, "max_payload") {
		t.Errorf("%+v", f)
	}
	if f := payloadFinding(1 << 20); f.Status != finding.OK {
		t.Errorf("%+v", f)
	}
}
