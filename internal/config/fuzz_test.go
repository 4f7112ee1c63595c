package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	env := lookup("TOKEN", "t0ken", "N", "5", "UIPATH_ORG", "o", "UIPATH_TENANT", "t", "UIPATH_CLIENT_ID", "i", "UIPATH_CLIENT_SECRET", "s",
		"CONTROL_ROOM_API_KEY", "k", "VRO_PASSWORD", "p")
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("q.yaml", data, env)
		if err != nil {
			for _, p := range problemsOf(t, err) {
				if p.Line < 1 || p.Column < 1 || p.Text == "" || strings.ContainsAny(p.String(), "\n\r") {
					t.Errorf("problem %+v", p)
				}
			}
			return
		}
		promises(t, c)
	})
}

func promises(t *testing.T, c *config.Config) {
	t.Helper()
	if len(c.Connections) == 0 || len(c.Routes) == 0 || (c.NATS.URL == "") != (c.NATS.Embedded != nil) {
		t.Errorf("config %+v", c)
	}
	for _, conn := range c.Connections {
		if conn.Name == "" || conn.Product == "" || !strings.HasPrefix(conn.URL, "http") || len(conn.Credentials) == 0 || conn.Timeout <= 0 {
			t.Errorf("connection %+v", conn)
		}
	}
	for _, r := range c.Routes {
		if r.Name == "" || len(r.Subjects) == 0 || r.Connection == "" || r.MaxInFlight < 1 || r.MaxAckPending < r.MaxInFlight {
			t.Errorf("route %+v", r)
		}
		for _, fields := range []job.Fields{r.Fixed.Content, r.Fixed.Arguments, r.Fixed.Options, r.Defaults.Content} {
			for key, raw := range fields {
				if !json.Valid(raw) {
					t.Errorf("%q is not JSON: %s", key, raw)
				}
			}
		}
	}
}
