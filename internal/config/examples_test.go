package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/secret"
)

const configs = "../../configs"

// exampleEnv is what the example files need.
var exampleEnv = map[string][]string{
	"quickstart.yaml":              {"UIPATH_ORG", "acme", "UIPATH_TENANT", "prod", "UIPATH_CLIENT_ID", "id", "UIPATH_CLIENT_SECRET", "s"},
	"uipath-cloud.yaml":            nil,
	"uipath-automation-suite.yaml": {"UIPATH_CLIENT_ID", "id"},
	"uipath-standalone.yaml":       {"UIPATH_CLIENT_ID", "id"},
	"uipath-legacy.yaml":           nil,
	"uipath-jobs.yaml":             {"UIPATH_ORG", "acme", "UIPATH_TENANT", "prod", "UIPATH_CLIENT_ID", "id", "UIPATH_CLIENT_SECRET", "s"},
	"automation-anywhere-e11.yaml": nil,
	"automation-anywhere-a360.yaml": {
		"CONTROL_ROOM_API_KEY", "key",
	},
	"veeam.yaml":    {"VRO_PASSWORD", "pw"},
	"veeam-13.yaml": nil,
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for name, env := range exampleEnv {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(filepath.Join(configs, name), lookup(env...))
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Warnings) > 0 {
				t.Errorf("warnings: %q", c.Warnings)
			}
			for i := 0; i+1 < len(env); i += 2 {
				if _, err := config.Load(filepath.Join(configs, name), lookup(without(env, i)...)); err == nil {
					t.Errorf("the file is good without %s", env[i])
				}
			}
		})
	}
}

// No example is forgotten. The sandbox has a test of its own.
func TestEveryExampleIsLoaded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(configs, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if _, ok := exampleEnv[name]; !ok && name != "sandbox.yaml" {
			t.Errorf("%s is not loaded", name)
		}
	}
}

func without(env []string, i int) []string {
	return append(append([]string{}, env[:i]...), env[i+2:]...)
}

// TestFullExampleHoldsTheDefaults compares the file that shows every default
// with a configuration that gives none.
func TestFullExampleHoldsTheDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load(filepath.Join(configs, "uipath-cloud.yaml"), lookup())
	if err != nil {
		t.Fatal(err)
	}
	want := withDefaults()
	want.NATS = config.NATS{URL: "nats://nats.example.com:4222"}
	want.Connections[0].Name, want.Connections[0].URL = "cloud", "https://cloud.uipath.com/acme/production/orchestrator_"
	want.Connections[0].Credentials = []config.Credential{{
		Grant: config.ClientCredentials, TokenURL: "https://cloud.uipath.com/acme/identity_/connect/token",
		ClientID: "5f0c2a1e-0000-4000-8000-000000000000", ClientSecret: secret.File("/run/secrets/uipath-client-secret"),
		Scopes: []string{"OR.Queues", "OR.Jobs", "OR.Execution.Read"},
	}}
	want.Routes[0].Connection = "cloud"
	want.Routes[0].Defaults = request.Preset{Action: job.AddQueueItem, Priority: job.Normal}
	want.Routes[0].Fixed = request.Preset{Folder: "Finance/AP", Queue: "Invoices"}
	if diff := cmp.Diff(want, got, sameSecret, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

// TestFullExampleNamesEveryKey takes the known keys from what is said about an
// unknown one in each section.
func TestFullExampleNamesEveryKey(t *testing.T) {
	t.Parallel()
	const unknown = "qqqqqqqqqqqqqqqqqqqq"
	file := strings.ReplaceAll(`
#: 1
nats: {#: 1, embedded: {#: 1}, tls: {#: 1}}
stream: {#: 1}
dead_letter: {#: 1}
outcomes: {#: 1}
ledger: {#: 1}
connections:
  a: {#: 1, credentials: [{#: 1}], breaker: {#: 1}, tls: {#: 1}}
routes:
  - {#: 1, fixed: {#: 1}, defaults: {#: 1}, allow: {#: 1, plans: [{#: 1}]}, batch: {#: 1}, retry: {#: 1}}
admin: {#: 1}
log: {#: 1}
`, "#", unknown)
	_, err := config.Parse("q.yaml", []byte(file), lookup())
	example, readErr := os.ReadFile(filepath.Join(configs, "uipath-cloud.yaml"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	sections := 0
	for _, p := range problemsOf(t, err) {
		_, known, found := strings.Cut(p.Text, "known here: ")
		if !found {
			continue
		}
		sections++
		for key := range strings.SplitSeq(known, ", ") {
			if !regexp.MustCompile(`(?m)(^|[ {,])` + key + `:`).Match(example) {
				t.Errorf("%s: the example has no %s:", strings.TrimSuffix(p.Key, "."+unknown), key)
			}
		}
	}
	if want := strings.Count(file, unknown); sections != want {
		t.Errorf("%d sections named their keys, want %d:\n%v", sections, want, err)
	}
}

func TestExampleForEachProduct(t *testing.T) {
	t.Parallel()
	load := func(name string) *config.Config {
		c, err := config.Load(filepath.Join(configs, name), lookup(exampleEnv[name]...))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	quick := load("quickstart.yaml")
	if got := quick.Connections[0].URL; got != "https://cloud.uipath.com/acme/prod/orchestrator_" || quick.NATS.Embedded == nil {
		t.Errorf("quickstart: url %s, NATS %+v", got, quick.NATS)
	}
	if got := load("uipath-standalone.yaml").Connections[0]; got.Product != config.UiPath || got.Tenant != "Default" {
		t.Errorf("standalone: %+v", got)
	}
	if got := load("uipath-legacy.yaml").Connections[0].Credentials[0]; got.Grant != config.UiPathLegacy || got.TokenURL != "" {
		t.Errorf("legacy: %+v", got)
	}
	e11 := load("automation-anywhere-e11.yaml")
	if got := e11.Connections[0].Generation; got != "e11" || e11.Routes[0].ReferenceColumn != "Reference" {
		t.Errorf("e11: generation %s, route %+v", got, e11.Routes[0])
	}
	a360 := load("automation-anywhere-a360.yaml")
	if got := string(a360.Routes[1].Fixed.Options["runAsUserIds"]); got != `["12"]` {
		t.Errorf("a360: runAsUserIds %s", got)
	}
	if _, newer := a360.Routes[2].Fixed.Options["unattendedRequest"]; !newer {
		t.Errorf("a360: %+v", a360.Routes[2].Fixed)
	}
	if got := load("veeam.yaml").Routes[1].Allow.Plans; len(got) != 1 || got[0].Plan != "ERP" || quick.ShutdownGrace != 25*time.Second {
		t.Errorf("veeam: plans %+v", got)
	}
	if got := load("veeam-13.yaml").Connections[0]; got.APIVersion != "v13" || got.Credentials[0].Grant != config.Password {
		t.Errorf("veeam 13: %+v", got)
	}
}
