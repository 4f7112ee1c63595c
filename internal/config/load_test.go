package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
)

func TestDefaultPath(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flag string
		env  config.Environment
		want string
	}{
		"flag":              {"a.yaml", lookup("QUEUEFERRY_CONFIG", "b.yaml"), "a.yaml"},
		"environment":       {"", lookup("QUEUEFERRY_CONFIG", "b.yaml"), "b.yaml"},
		"empty environment": {"", lookup("QUEUEFERRY_CONFIG", ""), "queueferry.yaml"},
		"nothing":           {"", lookup(), "queueferry.yaml"},
		"no environment":    {"", nil, "queueferry.yaml"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := config.DefaultPath(tt.flag, tt.env); got != tt.want {
				t.Errorf("DefaultPath = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "q.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, lookup("TOKEN", "t0ken"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Routes[0].Name; got != "invoices" {
		t.Errorf("the route is %q", got)
	}
	if _, err = config.Load(path, nil); err == nil || !strings.HasPrefix(err.Error(), path+":7:16: ") {
		t.Errorf("without an environment: %v", err)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load("/nowhere/q.yaml", lookup())
	want := "/nowhere/q.yaml: cannot be read: no such file or directory; name another file with --config or $QUEUEFERRY_CONFIG"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the error does not wrap fs.ErrNotExist")
	}
	if got := problemsOf(t, err); len(got) != 1 || got[0].Line != 0 {
		t.Errorf("problems %+v", got)
	}
}

func TestLoadTooLarge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "q.yaml")
	if err := os.WriteFile(path, []byte(good+strings.Repeat("#\n", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path, lookup("TOKEN", "t0ken"))
	if err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	const file = `nats: {url: http://a}
stream:
  name: a b
  subjects: [jobs.>, jobs.b]
  replica: 3
connections:
  acme:
    product: uipath
    url: orchestrator
    timeout: 20
    credentials:
      - {grant: static}
      - {grant: client_credentials, client_id: ${ID}}
  beta: {product: veeam, api_version: 7, url: https://vro:9898, credentials: [{grant: password, username: a}]}
routes:
  - name: in voices
    subjects: [jobs.>, orders.a]
    connection: gamma
    retry: {first: 1h, attempts: 0}
  - subjects: [jobs.b]
    connection: acme
    fixed: {queue: a}
    pause: later
log: {level: loud, format: loud}
`
	// A variable in braces must be in quotes.
	_, err := config.Parse("q.yaml", []byte(strings.Replace(file, "${ID}", `"${ID}"`, 1)), lookup())
	var got []config.Problem
	for _, p := range problemsOf(t, err) {
		got = append(got, config.Problem{File: p.File, Line: p.Line, Column: p.Column, Key: p.Key})
	}
	want := []config.Problem{
		{"q.yaml", 1, 13, "nats.url", ""},
		{"q.yaml", 3, 9, "stream.name", ""},
		{"q.yaml", 4, 22, "stream.subjects[1]", ""},
		{"q.yaml", 5, 3, "stream.replica", ""},
		{"q.yaml", 9, 10, "connections.acme.url", ""},
		{"q.yaml", 10, 14, "connections.acme.timeout", ""},
		{"q.yaml", 12, 9, "connections.acme.credentials[0].token", ""},
		{"q.yaml", 13, 9, "connections.acme.credentials[1].client_secret", ""},
		{"q.yaml", 13, 9, "connections.acme.credentials[1].token_url", ""},
		{"q.yaml", 13, 48, "connections.acme.credentials[1].client_id", ""},
		{"q.yaml", 14, 39, "connections.beta.api_version", ""},
		{"q.yaml", 14, 79, "connections.beta.credentials[0].password", ""},
		{"q.yaml", 16, 11, "routes[0].name", ""},
		{"q.yaml", 17, 24, "routes[0].subjects[1]", ""},
		{"q.yaml", 18, 17, "routes[0].connection", ""},
		{"q.yaml", 19, 20, "routes[0].retry.first", ""},
		{"q.yaml", 19, 34, "routes[0].retry.attempts", ""},
		{"q.yaml", 20, 5, "routes[1]", ""},
		{"q.yaml", 20, 5, "routes[1].name", ""},
		{"q.yaml", 20, 16, "routes[1].subjects[0]", ""},
		{"q.yaml", 23, 12, "routes[1].pause", ""},
		{"q.yaml", 24, 14, "log.level", ""},
		{"q.yaml", 24, 28, "log.format", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%v", diff, err)
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines != len(want) {
		t.Errorf("the text has %d lines for %d problems", lines, len(want))
	}
}

func TestProblemOfALaterCheck(t *testing.T) {
	t.Parallel()
	c := parse(t, good+"    transform: .a |\n")
	tests := map[string]struct{ got, want string }{
		"value":          {c.Problem("routes[0].transform", "is %s", "odd").String(), "q.yaml:13:16: routes[0].transform: is odd"},
		"default":        {c.Problem("routes[0].ack_wait", "is odd").String(), "q.yaml:9:5: routes[0].ack_wait: is odd"},
		"whole file":     {c.Problem("", "is odd").String(), "q.yaml:1:1: is odd"},
		"without a file": {new(config.Config).Problem("log", "is odd").String(), "log: is odd"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.got != tt.want {
				t.Errorf("problem %q, want %q", tt.got, tt.want)
			}
		})
	}
}
