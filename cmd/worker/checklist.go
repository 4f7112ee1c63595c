package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/check"
	"github.com/queueferry/queueferry/internal/finding"
)

// reportList is a report for a person: under each finding stands what to do.
type reportList struct {
	strings.Builder
	width  int // of the terminal; 0: lines are not broken
	colour bool
}

// writeList writes what was found, and a sum. In short, what is fine is only
// named, one line for all of a subject.
func writeList(on terminal, r check.Report, short bool) error {
	l := reportList{width: on.lineWidth(), colour: on.colour()}
	if short {
		l.short(r.Findings)
	} else {
		for _, f := range r.Findings {
			l.finding(f)
		}
	}
	l.WriteString("\n")
	l.wrap(summary(r), 0)
	_, err := io.WriteString(on.out, l.String())
	return err
}

// short writes of each subject what is fine, then what is not. Subjects that
// follow each other and are fine alike share a line.
func (l *reportList) short(all []finding.Finding) {
	var fine []string // subjects
	var checks string // of each of them
	flush := func() {
		if len(fine) > 0 {
			l.line(finding.OK, strings.Join(fine, ", ")+": "+checks)
		}
		fine = nil
	}
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(f finding.Finding) bool { return f.Subject != all[0].Subject })
		if n < 0 {
			n = len(all)
		}
		names, bad := sorted(all[:n])
		if names != checks {
			flush()
		}
		if checks = names; names != "" {
			fine = append(fine, all[0].Subject)
		}
		if len(bad) > 0 {
			flush()
		}
		for _, f := range bad {
			l.finding(f)
		}
		all = all[n:]
	}
	flush()
}

// sorted are the names of what is fine of one subject, and what is not.
func sorted(all []finding.Finding) (fine string, bad []finding.Finding) {
	var names []string
	times := map[string]int{}
	for _, f := range all {
		if f.Status != finding.OK {
			bad = append(bad, f)
			continue
		}
		if times[f.Check]++; times[f.Check] == 1 {
			names = append(names, f.Check)
		}
	}
	for i, name := range names {
		if n := times[name]; n > 1 {
			names[i] = fmt.Sprintf("%s (%d)", name, n)
		}
	}
	return strings.Join(names, ", "), bad
}

func (l *reportList) finding(f finding.Finding) {
	l.line(f.Status, f.Subject+", "+f.Check+": "+f.Detail)
	if f.Remedy != "" {
		l.WriteString(strings.Repeat(" ", statusWidth) + arrow)
		l.wrap(f.Remedy, statusWidth+columns(arrow))
	}
}

const (
	statusWidth = len("unknown  ")
	arrow       = "→ "
)

func (l *reportList) line(s finding.Status, text string) {
	status := fmt.Sprintf("%-*s", statusWidth, s)
	if l.colour {
		status = colourOf(s) + status + plainText
	}
	l.WriteString(status)
	l.wrap(text, statusWidth)
}

// least is the fewest columns that text is broken to.
const least = 24

// wrap writes text whose first line begins at the column indent.
func (l *reportList) wrap(text string, indent int) {
	lines := []string{text}
	if l.width > 0 {
		lines = wrapped(text, max(l.width-indent, least))
	}
	l.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", indent)) + "\n")
}

// summary is the last line.
func summary(r check.Report) string {
	counts := r.Counts()
	parts := []string{fmt.Sprintf("%d ok", counts["ok"])}
	for _, of := range []struct{ name, noun string }{{"warning", "warning"}, {"error", "error"}, {"unknown", "unknown"}} {
		n := counts[of.name]
		if n == 0 {
			continue
		}
		noun := of.noun
		if n > 1 && of.name != "unknown" {
			noun += "s"
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, noun))
	}
	return strings.Join(parts, ", ") + ": " + meanings[r.Result]
}

var meanings = map[check.Result]string{
	check.OK:            "nothing found keeps requests from being delivered.",
	check.Failed:        "requests would not be delivered as the file says.",
	check.Misconfigured: "the worker would not start with this file.",
}

const plainText = "\x1b[0m"

func colourOf(s finding.Status) string {
	switch s {
	case finding.OK:
		return "\x1b[32m"
	case finding.Warning:
		return "\x1b[33m"
	case finding.Error:
		return "\x1b[31m"
	}
	return "\x1b[36m"
}
