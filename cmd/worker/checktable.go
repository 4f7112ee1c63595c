package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/queueferry/queueferry/internal/check"
	"github.com/queueferry/queueferry/internal/finding"
)

// reportTable is a report for a person.
type reportTable struct {
	strings.Builder
	width  int // of the terminal; 0: lines are not broken
	colour bool
	widths [3]int // of status, subject and check
}

// writeTable writes a line for each finding, what to do under it, and a sum.
func writeTable(on terminal, _ string, r check.Report) error {
	t := reportTable{width: on.lineWidth(), colour: on.colour()}
	rows := [][3]string{{"STATUS", "SUBJECT", "CHECK"}}
	for _, f := range r.Findings {
		rows = append(rows, [3]string{f.Status.String(), f.Subject, f.Check})
	}
	for _, row := range rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	t.row("", rows[0], "DETAIL")
	for i, f := range r.Findings {
		row := rows[i+1]
		if i > 0 && r.Findings[i-1].Subject == f.Subject {
			row[1] = ""
		}
		t.row(colourOf(f.Status), row, f.Detail)
		if f.Remedy != "" {
			t.remedy(f.Remedy)
		}
	}
	t.WriteString("\n" + summary(r) + "\n")
	_, err := io.WriteString(on.out, t.String())
	return err
}

// gap is between two columns.
const gap = "  "

func (t *reportTable) row(colour string, cells [3]string, detail string) {
	indent := 0
	for i, cell := range cells {
		padded := cell + strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell))
		if i == 0 && t.colour && colour != "" {
			padded = colour + padded + plainText
		}
		t.WriteString(padded + gap)
		indent += t.widths[i] + len(gap)
	}
	t.wrap(detail, indent)
}

// remedy stands under its finding, beneath the subject.
func (t *reportTable) remedy(text string) {
	const arrow = "→ "
	indent := t.widths[0] + len(gap)
	t.WriteString(strings.Repeat(" ", indent) + arrow)
	t.wrap(text, indent+utf8.RuneCountInString(arrow))
}

// least is the fewest columns that text is broken to.
const least = 24

// wrap writes text whose first line begins at the column indent.
func (t *reportTable) wrap(text string, indent int) {
	lines := []string{text}
	if t.width > 0 {
		lines = wrapped(text, max(t.width-indent, least))
	}
	t.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", indent)) + "\n")
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
