package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
)

func TestReport(t *testing.T) {
	t.Parallel()
	good, unknown := finding.Good("a", "x", "d"), finding.Bad(finding.Unknown, "b", "x", "d", "do this")
	warning, bad := finding.Bad(finding.Warning, "a", "y", "d", "Do that."), finding.Bad(finding.Error, "a", "z", "d", "do")
	for name, tt := range map[string]struct {
		findings      []finding.Finding
		misconfigured bool
		want          Result
	}{
		"nothing":         {nil, false, OK},
		"not worse":       {[]finding.Finding{good, warning, unknown}, false, OK},
		"an error":        {[]finding.Finding{good, bad, unknown}, false, Failed},
		"a broken file":   {[]finding.Finding{bad}, true, Misconfigured},
		"by other proofs": {nil, true, Misconfigured},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := book{findings: tt.findings, misconfigured: tt.misconfigured}
			if got := b.report().Result; got != tt.want {
				t.Error(got)
			}
		})
	}
	b := book{findings: []finding.Finding{good, unknown, warning}}
	r := b.report()
	want := []finding.Finding{good, warning, finding.Bad(finding.Unknown, "b", "x", "d", "Do this.")}
	if diff := cmp.Diff(want, r.Findings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"ok": 1, "warning": 1, "error": 0, "unknown": 1}, r.Counts()); diff != "" {
		t.Error(diff)
	}
}

// A file that cannot be used is a finding for each of its problems.
func TestInvalid(t *testing.T) {
	t.Parallel()
	r := Invalid("q.yaml", &config.Error{Problems: []config.Problem{
		{File: "q.yaml", Line: 3, Column: 14, Key: "connections.acme.product", Text: "is not a product"}, {File: "q.yaml", Text: "x"},
	}})
	if r.Result != Misconfigured || len(r.Findings) != 2 || r.Findings[0].Subject != "file q.yaml" ||
		r.Findings[0].Detail != "q.yaml:3:14: connections.acme.product: is not a product" || r.Findings[0].Remedy == "" {
		t.Errorf("%+v", r)
	}
}

// What a problem of the file says behind its semicolon is what to do.
func TestRemedyOfAProblem(t *testing.T) {
	t.Parallel()
	r := Invalid("a.yaml", &config.Error{Problems: []config.Problem{
		{File: "a.yaml", Line: 3, Column: 1, Key: "route", Text: "is not a known key; did you mean routes?"},
		{File: "a.yaml", Line: 4, Column: 1, Key: "x", Text: "must be true"},
	}})
	if f := r.Findings[0]; f.Detail != "a.yaml:3:1: route: is not a known key" || f.Remedy != "Did you mean routes?" {
		t.Errorf("%+v", f)
	}
	if f := r.Findings[1]; f.Detail != "a.yaml:4:1: x: must be true" || f.Remedy != correct {
		t.Errorf("%+v", f)
	}
}

// One cause that several routes share is told once.
func TestReportTellsACauseOnce(t *testing.T) {
	t.Parallel()
	refused := func(route string) finding.Finding {
		return finding.Bad(finding.Error, "route "+route, "permission", "queues cannot be read", "Permit it.")
	}
	b := book{findings: []finding.Finding{refused("a"), finding.Good("route a", "ack_wait", "d"), refused("b"), finding.Good("route b", "ack_wait", "d")}}
	r := b.report()
	if len(r.Findings) != 3 || r.Findings[0].Detail != "queues cannot be read (also route b)" || r.Result != Failed {
		t.Errorf("%+v", r)
	}
}
