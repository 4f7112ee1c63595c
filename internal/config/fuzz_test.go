package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
)

// FuzzParse reads any file: a fault is an *Error with places, and what is taken
// for good holds what the rest of the worker relies on.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	for _, group := range []map[string]fault{syntaxFaults, valueFaults, connectionFaults, routeFaults, streamFaults} {
		for _, fault := range group {
			f.Add([]byte(fault.file()))
		}
	}
	for name := range exampleEnv {
		data, err := os.ReadFile(filepath.Join(configs, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	env := lookup("TOKEN", canary, "N", "5", "UIPATH_ORG", "o", "UIPATH_TENANT", "t", "UIPATH_CLIENT_ID", "i", "UIPATH_CLIENT_SECRET", canary,
		"CONTROL_ROOM_API_KEY", canary, "VRO_PASSWORD", canary)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("q.yaml", data, env)
		again, errAgain := config.Parse("q.yaml", data, env)
		if err != nil {
			faults(t, err, data)
			if errAgain == nil || errAgain.Error() != err.Error() {
				t.Errorf("read again: %v, then %v", err, errAgain)
			}
			return
		}
		promises(t, c)
		if errAgain != nil || !slices.Equal(c.Warnings, again.Warnings) {
			t.Errorf("read again: %v, %q", errAgain, again.Warnings)
		}
	})
}

// faults have a place and are one line; what a variable holds is not in them.
func faults(t *testing.T, err error, file []byte) {
	t.Helper()
	for _, p := range problemsOf(t, err) {
		if p.Line < 1 || p.Column < 1 || p.Text == "" || strings.ContainsAny(p.String(), "\n\r") {
			t.Errorf("problem %+v", p)
		}
	}
	if !bytes.Contains(file, []byte(canary)) && strings.Contains(err.Error(), canary) {
		t.Errorf("the secret is in the problems: %v", err)
	}
}

func promises(t *testing.T, c *config.Config) {
	t.Helper()
	if len(c.Connections) == 0 || len(c.Routes) == 0 || (c.NATS.URL == "") != (c.NATS.Embedded != nil) {
		t.Errorf("config %+v", c)
	}
	if strings.Contains(c.NATS.URL, "@") || c.Stream.Name == "" || len(c.Stream.Subjects) == 0 || c.Admin.Listen == "" || c.ShutdownGrace <= 0 {
		t.Errorf("config %+v", c)
	}
	if strings.ContainsAny(strings.Join(c.Warnings, ""), "\n\r") {
		t.Errorf("warnings %q", c.Warnings)
	}
	known := map[string]bool{}
	for _, conn := range c.Connections {
		if conn.Name == "" || conn.Product == "" || !strings.HasPrefix(conn.URL, "http") || len(conn.Credentials) == 0 || conn.Timeout <= 0 ||
			conn.Timeout >= c.ShutdownGrace || conn.MaxConcurrent < 1 || strings.ContainsAny(conn.URL, "@?#") || known[conn.Name] {
			t.Errorf("connection %+v", conn)
		}
		known[conn.Name] = true
	}
	names := map[string]bool{}
	for _, r := range c.Routes {
		if r.Name == "" || names[r.Name] || len(r.Subjects) == 0 || !known[r.Connection] || r.AckWait <= 0 || r.MaxInFlight < 1 || r.MaxAckPending < r.MaxInFlight {
			t.Errorf("route %+v", r)
		}
		names[r.Name] = true
		for _, fields := range []job.Fields{r.Fixed.Content, r.Fixed.Arguments, r.Fixed.Options, r.Defaults.Content} {
			for key, raw := range fields {
				if !json.Valid(raw) {
					t.Errorf("%q is not JSON: %s", key, raw)
				}
			}
		}
	}
}
