package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
)

// good is the smallest file that works; the cases below spoil it.
const good = `connections:
  acme:
    product: uipath
    url: https://orchestrator.example.com
    credentials:
      - grant: static
        token: {env: TOKEN}
routes:
  - name: invoices
    subjects: [jobs.invoices.>]
    connection: acme
    fixed: {folder: Finance, queue: Invoices}
`

// lookup is an environment made of pairs of name and value.
func lookup(pairs ...string) config.Environment {
	values := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// fault is a change of the good file, and what is then said about it.
type fault struct {
	old, new string // a text of the good file, and what stands there instead
	add      string // lines behind the good file, from line 13 on
	whole    string // another file altogether
	env      []string
	want     []string // without the name of the file
}

func (f fault) file() string {
	if f.whole != "" {
		return f.whole
	}
	return strings.Replace(good, f.old, f.new, 1) + f.add
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, group := range []map[string]fault{syntaxFaults, valueFaults, connectionFaults, routeFaults, streamFaults} {
		for name, f := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				env := append([]string{"TOKEN", "t0ken"}, f.env...)
				if f.old != "" && !strings.Contains(good, f.old) {
					t.Fatalf("the good file has no %q", f.old)
				}
				_, err := config.Parse("q.yaml", []byte(f.file()), lookup(env...))
				var got []string
				for line := range strings.SplitSeq(text(err), "\n") {
					got = append(got, strings.TrimPrefix(line, "q.yaml:"))
				}
				if diff := cmp.Diff(f.want, got); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func text(err error) string {
	if err == nil {
		return "(no problem)"
	}
	return err.Error()
}

func problemsOf(t *testing.T, err error) []config.Problem {
	t.Helper()
	e, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("the error is a %T, want *config.Error: %v", err, err)
	}
	return e.Problems
}
