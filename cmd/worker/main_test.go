package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// asWorker makes the test's own binary behave as the worker's, so that a test
// can run it as a process and kill it.
const asWorker = "QUEUEFERRY_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// command runs the worker's command line in this process.
func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "queueferry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, out, errs := command("version")
	if code != exitDone || strings.TrimSpace(out) == "" || errs != "" {
		t.Errorf("%d %q %q", code, out, errs)
	}
}

func TestNoCommandShowsTheHelp(t *testing.T) {
	t.Parallel()
	code, out, _ := command()
	if code != exitDone || !strings.Contains(out, "worker [command]") {
		t.Errorf("%d %q", code, out)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"an unknown command":    {"rum"},
		"an unknown flag":       {"run", "--confg", "x"},
		"an unexpected argumen": {"run", "x"},
		"a flag without value":  {"run", "--config"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := command(args...)
			if code != exitConfig || out != "" || !strings.Contains(errs, "--help") {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}

// A broken configuration is listed whole, with places, and nothing is started.
func TestABrokenConfiguration(t *testing.T) {
	t.Parallel()
	path := write(t, `connections:
  acme:
    product: uipat
    url: cloud.uipath.com
    credentials: []
routes:
  - name: in voices
    subjects: [jobs.>]
    connection: acne
    ack_wait: soon
`)
	code, out, errs := command("run", "--config", path)
	if code != exitConfig || out != "" {
		t.Errorf("exit code %d, output %q", code, out)
	}
	for _, want := range []string{":3:14: connections.acme.product:", ":4:10: connections.acme.url:", ":5:18: connections.acme.credentials:",
		":7:11: routes[0].name:", ":9:17: routes[0].connection:", ":10:15: routes[0].ack_wait:"} {
		if !strings.Contains(errs, path+want) {
			t.Errorf("no problem at %s in\n%s", want, errs)
		}
	}
}

func TestAMissingConfiguration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nowhere.yaml")
	code, _, errs := command("run", "--config", path)
	if code != exitConfig || !strings.Contains(errs, path) {
		t.Errorf("%d %q", code, errs)
	}
}

const valid = `nats: {embedded: {listen: "127.0.0.1:0", store_dir: %q}}
admin: {listen: %q}
connections:
  acme:
    product: uipath
    url: %s
    credentials: [{grant: client_credentials, token_url: %s, client_id: queueferry, client_secret: secret, scopes: [OR.Queues]}]
routes:
  - name: invoices
    subjects: [jobs.>]
    connection: acme
    fixed: {action: add_queue_item, folder: Finance/AP, queue: Invoices}
%s`

// What this version cannot do is refused, not ignored.
func TestWhatIsNotSupportedIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ extra, want string }{
		"outcome events":  {"outcomes: {}\n", "outcomes:"},
		"a broken jq":     {"    transform: \"{\"\n", "routes[0].transform:"},
		"another product": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf(valid, t.TempDir(), "127.0.0.1:0", "http://127.0.0.1:1/x", "http://127.0.0.1:1/t", c.extra)
			if c.want == "" {
				text = strings.ReplaceAll(text, "product: uipath", "product: veeam")
				c.want = "connections.acme"
			}
			code, out, errs := command("run", "--config", write(t, text))
			if code != exitConfig || out != "" || !strings.Contains(errs, c.want) {
				t.Errorf("%d %q %q", code, out, errs)
			}
		})
	}
}

func TestATakenPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	path := write(t, fmt.Sprintf(valid, t.TempDir(), address, "http://127.0.0.1:1/x", "http://127.0.0.1:1/t", ""))
	code, _, errs := command("run", "--config", path)
	if code != exitFailed || !strings.Contains(errs, "admin.listen") || !strings.Contains(errs, address) {
		t.Errorf("%d %q", code, errs)
	}
}
