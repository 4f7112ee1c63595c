// Package docs_test holds the documents to what the code says.
package docs_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/remedy"
	"github.com/queueferry/queueferry/internal/setup"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unknown is a key that no section has. The refusal of it lists those it has.
const unknown = "zzzzzzzzzzzzzzzz"

// everySection has an unknown key in every mapping of the file.
const everySection = `
zz: 1
nats: {zz: 1, tls: {zz: 1}, embedded: {zz: 1}}
stream: {zz: 1}
dead_letter: {zz: 1}
outcomes: {zz: 1}
ledger: {zz: 1}
connections:
  name: {zz: 1, tls: {zz: 1}, breaker: {zz: 1}, credentials: [{zz: 1}]}
routes:
  - {zz: 1, defaults: {zz: 1}, fixed: {zz: 1}, allow: {zz: 1, plans: [{zz: 1}]}, batch: {zz: 1}, retry: {zz: 1}}
admin: {zz: 1}
log: {zz: 1}
`

// keys lists every key of the file as the documents write it, such as
// connections.*.breaker.open and routes[].name.
func keys(t *testing.T) []string {
	t.Helper()
	file := strings.ReplaceAll(everySection, "zz:", unknown+":")
	_, err := config.Parse("keys.yaml", []byte(file), nil)
	faults, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatal(err)
	}
	var all []string
	for _, p := range faults.Problems {
		_, list, found := strings.Cut(p.Text, "known here: ")
		section, isUnknown := strings.CutSuffix(p.Key, unknown)
		if !found || !isUnknown {
			continue
		}
		section = strings.NewReplacer("connections.name.", "connections.*.", "[0]", "[]").Replace(section)
		for key := range strings.SplitSeq(list, ", ") {
			all = append(all, section+key)
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d keys were found: %v", len(all), all)
	}
	return all
}

// TestEveryKeyIsDocumented compares the rows of the tables with the keys that
// the file has, both ways.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	known := keys(t)
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(read(t, "configuration.md"), -1) {
		documented = append(documented, m[1])
	}
	for _, key := range known {
		isSection := slices.ContainsFunc(known, func(other string) bool {
			return strings.HasPrefix(other, key+".") || strings.HasPrefix(other, key+"[")
		})
		if !isSection && !slices.Contains(documented, key) {
			t.Errorf("configuration.md has no row for %s", key)
		}
	}
	for _, row := range documented {
		if strings.Contains(row, "{") || strings.HasPrefix(row, `"`) {
			continue // a form of a secret
		}
		if !slices.Contains(known, row) {
			t.Errorf("configuration.md has a row for %s, which is no key", row)
		}
	}
}

// documents are the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	own, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(own, root...)
}

var fence = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// TestWholeFilesParse reads the blocks that are whole configuration files, as the
// worker would.
func TestWholeFilesParse(t *testing.T) {
	t.Parallel()
	whole := 0
	for _, path := range documents(t) {
		for i, block := range fence.FindAllStringSubmatch(read(t, path), -1) {
			file := block[1]
			if !strings.HasPrefix(file, "connections:") && !strings.Contains(file, "\nconnections:") {
				continue
			}
			whole++
			c, err := config.Parse(path, []byte(file), everyVariable)
			if err != nil {
				t.Errorf("block %d: %v", i+1, err)
				continue
			}
			if len(c.Warnings) > 0 {
				t.Errorf("%s, block %d: %q", path, i+1, c.Warnings)
			}
			if err := setup.Supported(c); err != nil {
				t.Errorf("block %d: %v", i+1, err)
			}
			if _, err := setup.Decoders(c); err != nil {
				t.Errorf("block %d: %v", i+1, err)
			}
		}
	}
	if whole < 4 {
		t.Errorf("%d whole files were found", whole)
	}
}

// everyVariable is an environment outside of Kubernetes that has all that is asked for.
func everyVariable(name string) (string, bool) {
	if name == "KUBERNETES_SERVICE_HOST" {
		return "", false
	}
	return "x", true
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	code    = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
)

// TestLinksResolve looks for the files, and in Markdown for the headings, that
// the documents link to.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	for _, path := range documents(t) {
		text := code.ReplaceAllString(read(t, path), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") || strings.HasPrefix(file, "mailto:") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s: %v", path, m[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s: there is no such heading", path, m[1])
			}
		}
	}
}

// anchors are the names of a document's headings as they stand in links.
func anchors(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(strings.NewReplacer("`", "", "*", "").Replace(m[1]))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// TestEveryReasonIsDocumented looks for the reasons of dead letters.
func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	text := read(t, "reliability.md")
	for _, reason := range job.DeadLetterReasons {
		if !strings.Contains(text, "| `"+string(reason)+"` |") {
			t.Errorf("reliability.md has no row for the reason %s", reason)
		}
	}
}

// TestEventsAndMetricsAreDocumented looks for the names and keys that operators
// build on.
func TestEventsAndMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text := read(t, "operations.md")
	golden := read(t, "../internal/telemetry/testdata/events.golden")
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`"msg":"([^"]+)"|"([a-z_]+)":`).FindAllStringSubmatch(golden, -1) {
		names[m[1]+m[2]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^(queueferry_[a-z_]+?)(_count|_sum)?[{ ]`).FindAllStringSubmatch(
		read(t, "../internal/telemetry/testdata/metrics.golden"), -1) {
		names[m[1]] = true
	}
	if len(names) < 60 {
		t.Fatalf("only %d names were found", len(names))
	}
	for name := range names {
		if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+"{") {
			t.Errorf("operations.md does not name %s", name)
		}
	}
}

var (
	jsonKey    = regexp.MustCompile(`"([a-z_]+)":`)
	jsonSample = regexp.MustCompile(`(?m)^    \{\n(?:    .*\n)+?    \}$`)
)

// TestPagesAreDocumented compares the keys of /readyz and /status with the tables
// and the samples, both ways.
func TestPagesAreDocumented(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(read(t, "operations.md"), "## Pages")
	text, _, _ = strings.Cut(text, "\n## ")
	known := map[string]bool{"problems": true}
	for _, golden := range []string{"../internal/admin/testdata/readyz.golden", "../internal/worker/testdata/status.golden"} {
		for _, m := range jsonKey.FindAllStringSubmatch(read(t, golden), -1) {
			known[m[1]] = true
		}
	}
	for _, verdict := range job.Verdicts {
		delete(known, verdict.String())
	}
	if len(known) < 50 {
		t.Fatalf("only %d keys were found", len(known))
	}
	for key := range known {
		if !strings.Contains(text, "`"+key+"`") && key != "routes" && key != "connections" {
			t.Errorf("operations.md does not name %s", key)
		}
	}
	samples := jsonSample.FindAllString(text, -1)
	if len(samples) != 2 {
		t.Fatalf("%d samples were found", len(samples))
	}
	for _, sample := range samples {
		if !json.Valid([]byte(sample)) {
			t.Errorf("no JSON: %s", sample)
		}
		for _, m := range jsonKey.FindAllStringSubmatch(sample, -1) {
			if !known[m[1]] && !slices.ContainsFunc(job.Verdicts, func(v job.Verdict) bool { return v.String() == m[1] }) {
				t.Errorf("a sample has %s, which is no key", m[1])
			}
		}
	}
}

// TestRemediesInSamplesAreTheWorkersOwn looks for the remedy that a sample shows.
func TestRemediesInSamplesAreTheWorkersOwn(t *testing.T) {
	t.Parallel()
	if text := remedy.OfLogIn(job.CredentialsRefused, "invalid_client"); !strings.Contains(read(t, "operations.md"), `"remedy": "`+text+`"`) {
		t.Errorf("operations.md shows another remedy than %q", text)
	}
}

// TestTheConnectorsInterfaceIsTheCodes looks for each line of an interface that a
// document shows.
func TestTheConnectorsInterfaceIsTheCodes(t *testing.T) {
	t.Parallel()
	source, text := read(t, "../internal/orchestrator/connector.go"), read(t, "connectors.md")
	shown := regexp.MustCompile("(?ms)^```go\n(.*?)^```").FindStringSubmatch(text)
	_, declared, _ := strings.Cut(source, "\ntype Connector interface {")
	declared, _, found := strings.Cut(declared, "\n}")
	if shown == nil || !found {
		t.Fatal("there is no interface to compare")
	}
	methods := regexp.MustCompile(`(?m)^\t[A-Z].*$`)
	if doc, code := methods.FindAllString(shown[1], -1), methods.FindAllString(declared, -1); !slices.Equal(doc, code) {
		t.Errorf("connectors.md shows %q, and the code has %q", doc, code)
	}
}
