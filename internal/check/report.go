// Package check looks at everything that a configuration needs before the worker
// runs with it: the file, what it names, NATS, and the orchestrators. It changes
// nothing anywhere.
package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
)

// Result is what all findings together come to.
type Result string

// The results. They are the exit codes 0, 1 and 2.
const (
	OK            Result = "ok"            // nothing worse than warnings, and what could not be told
	Failed        Result = "failed"        // there is an error
	Misconfigured Result = "misconfigured" // the worker would not start with the file
)

// Report is what a check found, in the order of the parts: the file, the files
// that it names, NATS, the connections, the routes.
type Report struct {
	Result   Result
	Findings []finding.Finding
}

// Counts is how many findings there are of each status, by its name.
func (r Report) Counts() map[string]int {
	counts := map[string]int{}
	for _, s := range []finding.Status{finding.OK, finding.Warning, finding.Error, finding.Unknown} {
		counts[s.String()] = 0
	}
	for _, f := range r.Findings {
		counts[f.Status.String()]++
	}
	return counts
}

// Invalid is the report of a file that cannot be used, with a finding for each of
// its problems.
func Invalid(file string, err *config.Error) Report {
	b := book{file: file}
	b.problems(err)
	return b.report()
}

// book collects findings.
type book struct {
	file          string
	findings      []finding.Finding
	misconfigured bool
}

func (b *book) add(all ...finding.Finding) { b.findings = append(b.findings, all...) }

// correct is what to do about a problem of the file: its text says it already.
const correct = "Correct the file at that place; docs/configuration.md has every key."

func (b *book) problems(err *config.Error) {
	b.misconfigured = true
	for _, p := range err.Problems {
		b.add(problem(b.subject(), p))
	}
}

// problem is a finding of a problem of the file. Most say themselves what to do,
// behind the first semicolon.
func problem(subject string, p config.Problem) finding.Finding {
	text, remedy, ok := strings.Cut(p.Text, "; ")
	if !ok {
		return finding.Bad(finding.Error, subject, "setting", p.String(), correct)
	}
	p.Text = text
	return finding.Bad(finding.Error, subject, "setting", p.String(), remedy)
}

func (b *book) subject() string { return "file " + b.file }

func (b *book) report() Report {
	bySubject(b.findings)
	r := Report{Result: OK, Findings: finding.Merged(b.findings)}
	for i, f := range r.Findings {
		r.Findings[i].Remedy = sentence(f.Remedy)
		if f.Status == finding.Error {
			r.Result = Failed
		}
	}
	if b.misconfigured {
		r.Result = Misconfigured
	}
	return r
}

// bySubject brings together what is said of one subject, where it comes up first.
func bySubject(all []finding.Finding) {
	first := map[string]int{}
	for i, f := range all {
		if _, ok := first[f.Subject]; !ok {
			first[f.Subject] = i
		}
	}
	slices.SortStableFunc(all, func(a, b finding.Finding) int { return first[a.Subject] - first[b.Subject] })
}

// plural is a number and its noun.
func plural(n int, noun string) string {
	text := strconv.Itoa(n) + " " + noun
	if n != 1 {
		text += "s"
	}
	return text
}

// sentence begins with a capital and ends with a full stop; nothing stays nothing.
func sentence(text string) string {
	if text == "" {
		return text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if strings.ContainsAny(text[len(text)-1:], ".?") {
		return text
	}
	return text + "."
}
