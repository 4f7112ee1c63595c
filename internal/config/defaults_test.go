package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/secret"
)

// sameSecret compares where secrets come from and what they are.
var sameSecret = cmp.Options{cmpopts.IgnoreUnexported(config.Config{}), cmp.Comparer(func(a, b secret.Source) bool {
	x, _ := a.Read()
	y, _ := b.Read()
	return a.IsSet() == b.IsSet() && a.Path() == b.Path() && x == y
})}

func parse(t *testing.T, file string, env ...string) *config.Config {
	t.Helper()
	c, err := config.Parse("q.yaml", []byte(file), lookup(append([]string{"TOKEN", "t0ken"}, env...)...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withDefaults() *config.Config {
	return &config.Config{
		NATS:       config.NATS{Embedded: &config.Embedded{Listen: "127.0.0.1:4222", StoreDir: "queueferry-data"}},
		Stream:     config.Stream{Name: "JOBS", Subjects: []string{"jobs.>"}, Manage: config.ManageCreate, Replicas: 1, DuplicateWindow: 10 * time.Minute},
		DeadLetter: config.DeadLetter{Stream: "JOBS_DEAD", Subject: "jobs-dead"},
		Ledger:     config.Ledger{Bucket: "JOBS_LEDGER", TTL: 168 * time.Hour},
		Connections: []config.Connection{{
			Name: "acme", Product: config.UiPath, URL: "https://orchestrator.example.com",
			Credentials: []config.Credential{{Grant: config.Static, Token: secret.Literal("t0ken")}},
			Timeout:     20 * time.Second, MaxConcurrent: 32,
			Breaker: retry.Breaker{Failures: 5, Open: 30 * time.Second},
			Settle:  time.Minute, LookUpsPerMinute: 30, ContentLimit: 256_000,
		}},
		Routes: []config.Route{{
			Name: "invoices", Subjects: []string{"jobs.invoices.>"}, Connection: "acme",
			Fixed: request.Preset{Folder: "Finance", Queue: "Invoices"},
			Batch: config.Batch{Max: 100}, MaxInFlight: 256, MaxAckPending: 65_536, AckWait: 30 * time.Second,
			Retry:     retry.Settings{Attempts: 8, First: time.Second, Max: 5 * time.Minute, BusyFor: 24 * time.Hour},
			OnUnknown: config.Park, OnDuplicate: config.Compare, RejectGuard: true,
		}},
		Admin:         config.Admin{Listen: "127.0.0.1:8080"},
		Log:           config.Log{Level: "info", Format: "json"},
		ShutdownGrace: 25 * time.Second,
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(withDefaults(), parse(t, good), sameSecret); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

// TestPartsKeepTheirDefaults gives one key of each nested mapping.
func TestPartsKeepTheirDefaults(t *testing.T) {
	t.Parallel()
	want := withDefaults()
	want.Routes[0].Batch.Linger = 50 * time.Millisecond
	want.Routes[0].Retry.Max = time.Hour
	want.Routes[0].RejectGuard = false
	want.Routes[0].Pause = true
	want.DeadLetter.Subject = "dead"
	want.Outcomes = &config.Outcomes{Stream: "JOBS_OUTCOME", Subject: "jobs-outcome", MaxAge: 24 * time.Hour}
	want.Stream.MaxBytes = 1 << 40
	want.NATS.Embedded.StoreDir = "/data"
	want.Log.Level = "debug"
	got := parse(t, good+`    batch: {linger: 50ms}
    retry: {max: 1h}
    reject_guard: off
    pause: true
    defaults:
    allow: {}
dead_letter: {subject: dead}
outcomes: {}
stream: {max_bytes: 1099511627776}
nats: {embedded: {store_dir: /data}}
log: {level: debug}
`)
	if diff := cmp.Diff(want, got, sameSecret); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	got := parse(t, `
nats:
  url: nats://a:4222,tls://b
  user: me
  password: pw
  tls: {ca_file: ca, cert_file: cert, key_file: key}
stream: {name: S, subjects: [a.>, b], manage: create, replicas: 3, max_bytes: 5, duplicate_window: 1m}
dead_letter: {stream: D, subject: d, max_age: 1h}
outcomes: {stream: O, subject: o, max_age: 0}
ledger: {bucket: L, ttl: 1h}
connections:
  c:
    product: uipath
    url: https://host/path/
    tenant: T
    credentials:
      - grant: client_credentials
        token_url: https://id/token
        revocation_url: https://id/revoke
        token_endpoint_auth_method: client_secret_basic
        client_id: 12
        client_secret: {file: /run/s}
        scopes: [X, Y]
      - {grant: uipath_legacy, username: u, password: p}
    tls: {ca_file: ca}
    timeout: 3s
    max_concurrent: 4
    rate: 2.5
    breaker: {failures: 6, open: 7s}
    settle: 0
    look_ups_per_minute: 8
    content_limit: 9
routes:
  - name: r
    subjects: [a.x]
    connection: c
    defaults: {action: start_job, priority: low}
    fixed: {folder: 12345, process: p}
    allow: {folders: [f], queues: [q], processes: ["*"], options: [o]}
    transform: |
      {a: .b,
       c: "$${d}"}
    batch: {max: 1, linger: 2s}
    max_in_flight: 3
    max_ack_pending: 4
    ack_wait: 5s
    retry: {attempts: 6, first: 7s, max: 8s, busy_for: 9s}
    on_unknown: resend
    on_duplicate: ack
    reject_guard: "off"
    pause: True
admin: {listen: ":0"}
log: {level: warn, format: console}
shutdown_grace: 8s
`)
	want := &config.Config{
		NATS: config.NATS{
			URL: "nats://a:4222,tls://b", User: "me", Password: secret.Literal("pw"),
			TLS: config.TLS{CAFile: "ca", CertFile: "cert", KeyFile: "key"},
		},
		Stream: config.Stream{
			Name: "S", Subjects: []string{"a.>", "b"}, Manage: config.ManageCreate, Replicas: 3, MaxBytes: 5, DuplicateWindow: time.Minute,
		},
		DeadLetter: config.DeadLetter{Stream: "D", Subject: "d", MaxAge: time.Hour},
		Outcomes:   &config.Outcomes{Stream: "O", Subject: "o"},
		Ledger:     config.Ledger{Bucket: "L", TTL: time.Hour},
		Connections: []config.Connection{{
			Name: "c", Product: config.UiPath, URL: "https://host/path", Tenant: "T",
			Credentials: []config.Credential{
				{
					Grant: config.ClientCredentials, TokenURL: "https://id/token", RevocationURL: "https://id/revoke", AuthMethod: config.ClientSecretBasic,
					ClientID: "12", ClientSecret: secret.File("/run/s"), Scopes: []string{"X", "Y"},
				},
				{Grant: config.UiPathLegacy, Username: "u", Password: secret.Literal("p")},
			},
			TLS: config.TLS{CAFile: "ca"}, Timeout: 3 * time.Second, MaxConcurrent: 4, Rate: 2.5,
			Breaker: retry.Breaker{Failures: 6, Open: 7 * time.Second}, LookUpsPerMinute: 8, ContentLimit: 9,
		}},
		Routes: []config.Route{{
			Name: "r", Subjects: []string{"a.x"}, Connection: "c",
			Defaults:  request.Preset{Action: job.StartJob, Priority: job.Low},
			Fixed:     request.Preset{Folder: "12345", Process: "p"},
			Allow:     request.Allow{Folders: []string{"f"}, Queues: []string{"q"}, Processes: []string{"*"}, Options: []string{"o"}},
			Transform: "{a: .b,\n c: \"${d}\"}\n",
			Batch:     config.Batch{Max: 1, Linger: 2 * time.Second}, MaxInFlight: 3, MaxAckPending: 4, AckWait: 5 * time.Second,
			Retry:     retry.Settings{Attempts: 6, First: 7 * time.Second, Max: 8 * time.Second, BusyFor: 9 * time.Second},
			OnUnknown: config.Resend, OnDuplicate: config.AckOnDuplicate, Pause: true,
		}},
		Admin:         config.Admin{Listen: ":0"},
		Log:           config.Log{Level: "warn", Format: "console"},
		ShutdownGrace: 8 * time.Second,
		Warnings:      []string{"q.yaml:7:35: stream.subjects[1]: is taken by no route: requests published there stay in the stream"},
	}
	if diff := cmp.Diff(want, got, sameSecret); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestOtherProducts(t *testing.T) {
	t.Parallel()
	c := parse(t, veeam("refresh_token", "refresh_token: {env: TOKEN}", "allow: {plans: [{plan: A, actions: [Failover, ReadinessCheck]}, {plan: '*'}]}"))
	if got := c.Connections[0].APIVersion; got != "v7.21" {
		t.Errorf("api_version is %q", got)
	}
	want := request.Allow{Plans: []request.Plan{{Plan: "A", Actions: []string{"Failover", "ReadinessCheck"}}, {Plan: "*"}}}
	if diff := cmp.Diff(want, c.Routes[0].Allow); diff != "" {
		t.Errorf("allow (-want +got):\n%s", diff)
	}
	c = parse(t, anywhere("a360", "username: u\n        password: p\n        multiple_login: true")+
		"    reference_column: Ref\n")
	credential := config.Credential{
		Grant: config.ControlRoom, Username: "u", Password: secret.Literal("p"), MultipleLogin: true,
	}
	if diff := cmp.Diff(credential, c.Connections[0].Credentials[0], sameSecret); diff != "" {
		t.Errorf("credential (-want +got):\n%s", diff)
	}
	if c.Connections[0].Generation != "a360" || c.Connections[0].APIVersion != "" || c.Routes[0].ReferenceColumn != "Ref" {
		t.Errorf("connection %+v, reference_column %q", c.Connections[0], c.Routes[0].ReferenceColumn)
	}
	c = parse(t, anywhere("e11", "username: u\n        password: p\n        totp_secret: x"))
	credential = config.Credential{Grant: config.ControlRoom, Username: "u", Password: secret.Literal("p"), TOTPSecret: secret.Literal("x")}
	if diff := cmp.Diff(credential, c.Connections[0].Credentials[0], sameSecret); diff != "" {
		t.Errorf("credential (-want +got):\n%s", diff)
	}
}
