package worker

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/setup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const file = `nats: {url: "nats://127.0.0.1:1"}
%s
connections:
  acme:
    product: uipath
    url: https://orchestrator.example/acme
    credentials:
      - {grant: %s}
routes:
  - name: invoices
    subjects: [jobs.>]
    connection: acme
    fixed: {%s}
    defaults: {%s}
    allow: {processes: ["*"]}
`

const (
	someGrant  = "client_credentials, token_url: https://identity.example/token, client_id: me, client_secret: secret"
	someFixed  = "folder: Finance, queue: Invoices"
	someAction = "action: add_queue_item"
)

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("queueferry.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// What this version cannot do is refused before anything is started, with its
// place in the file.
func TestSupported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ top, grant, fixed, defaults, want string }{
		"all is there":         {"", someGrant, someFixed, someAction, ""},
		"outcome events":       {"outcomes: {}", someGrant, someFixed, someAction, "queueferry.yaml:2:11: outcomes: "},
		"another grant":        {"", "uipath_legacy, username: me, password: secret", someFixed, someAction, ""},
		"jobs alone":           {"", someGrant, "folder: Finance, action: start_job, process: Post", "", ""},
		"jobs by default":      {"", someGrant, "folder: Finance, queue: Invoices, process: Post", "action: start_job", ""},
		"a folder that is not": {"", someGrant, "folder: Finance/, queue: Invoices", someAction, "queueferry.yaml:13:21: routes[0].fixed.folder: "},
		"an option that is not": {"", someGrant, "folder: Finance, queue: Invoices", someAction + ", options: {Progres: half}",
			"queueferry.yaml:14:49: routes[0].defaults.options: no request of this route could be valid: options.Progres: unknown"},
		"an option of no job": {"", someGrant, "folder: Finance, action: start_job, process: Post, options: {JobCount: 2}", "",
			"queueferry.yaml:13:73: routes[0].fixed.options: no request of this route could be valid: options.JobCount: "},
		"content of no item": {"", someGrant, "folder: Finance, queue: Invoices, content: {Lines: [1]}", someAction,
			"queueferry.yaml:13:56: routes[0].fixed.content: no request of this route could be valid: content.Lines: "},
		"a default that isn't": {"", someGrant, "queue: Invoices", someAction + ", folder: /Finance", "queueferry.yaml:14:48: routes[0].defaults.folder: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := parse(t, fmt.Sprintf(file, c.top, c.grant, c.fixed, c.defaults))
			var out bytes.Buffer
			var err error
			if c.want == "" {
				err = setup.Supported(cfg)
			} else {
				err = Run(t.Context(), cfg, Options{Log: &out})
			}
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %s", err, c.want)
			case out.Len() > 0:
				t.Errorf("something was started: %s", out.String())
			}
		})
	}
}

// The probe asks for what the account must be able to read anyway.
func TestProbeAs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fixed, defaults string
		want            job.Action
	}{
		"items alone":               {"folder: F, queue: Q", "action: add_queue_item", job.AddQueueItem},
		"jobs alone":                {"folder: F, action: start_job, process: Post", "", job.StartJob},
		"jobs beside a queue":       {"folder: F, action: start_job, process: Post", "queue: Q", job.StartJob},
		"jobs, and items if named":  {"folder: F", "action: start_job, queue: Q", job.AddQueueItem},
		"no queue could be named":   {"folder: F", "action: start_job, process: Post", job.StartJob},
		"a message may choose both": {"folder: F, queue: Q, process: Post", "", job.AddQueueItem},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := parse(t, fmt.Sprintf(file, "", someGrant, c.fixed, c.defaults))
			if got := probeAs(cfg.Routes, "acme"); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if got := probeAs(cfg.Routes, "another"); got != job.StartJob {
				t.Errorf("the routes of another connection count: %s", got)
			}
		})
	}
}

// A trouble is said when it begins and when it ends, however often it is met.
func TestTroubles(t *testing.T) {
	t.Parallel()
	core, lines := observer.New(zapcore.DebugLevel)
	all := troubles{log: zap.New(core)}
	broken := errors.New("no such bucket")
	for _, err := range []error{nil, broken, broken, ledger.ErrConflict, errors.New("another"), ledger.ErrDisconnected} {
		all.note("ledger", err)
	}
	all.note("dead letters", nil)
	problems := all.faults()
	if len(problems) != 1 || problems[0].What != "ledger" || problems[0].Detail != "another" || problems[0].Since.IsZero() {
		t.Errorf("problems %+v", problems)
	}
	all.note("ledger", nil)
	all.note("ledger", nil)
	if problems := all.faults(); len(problems) > 0 {
		t.Errorf("problems after the end %+v", problems)
	}
	var said []string
	for _, l := range lines.All() {
		said = append(said, l.Message)
	}
	if got := strings.Join(said, " "); got != "jetstream.trouble jetstream.recovered" {
		t.Errorf("said %s", got)
	}
}
