package worker

import (
	"fmt"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/admin"
)

// In the summary: how many faults are told one by one, and how long a detail is.
const (
	mostFaults = 3
	longDetail = 160 // characters
)

// summary says it all in a line: how many routes deliver, what keeps the others,
// and what is paused.
func summary(routes []routeStatus, faults []fault, now time.Time) string {
	deliver := 0
	var paused []string
	for _, r := range routes {
		switch r.State {
		case delivering, idle:
			deliver++
		case resting:
			paused = append(paused, r.Name)
		}
	}
	parts := []string{fmt.Sprintf("%d of %d routes deliver", deliver, len(routes))}
	for i, f := range faults {
		if i == mostFaults {
			parts = append(parts, fmt.Sprintf("%d more under /readyz", len(faults)-i))
			break
		}
		parts = append(parts, f.sentence(now))
	}
	if len(paused) > 0 {
		parts = append(parts, "paused: "+strings.Join(paused, ", "))
	}
	return strings.Join(parts, "; ")
}

// sentence is what is wrong, for how long, how many messages wait for it, and why.
func (f fault) sentence(now time.Time) string {
	s := f.says
	if !f.Since.IsZero() {
		s += " for " + admin.Span(now.Sub(f.Since))
	}
	if n := f.waiting(); n > 0 {
		s += fmt.Sprintf(", and keeps %d waiting", n)
	}
	if f.Detail != "" {
		s += ": " + short(f.Detail)
	}
	return s
}

func short(text string) string {
	if r := []rune(text); len(r) > longDetail {
		return string(r[:longDetail-1]) + "…"
	}
	return text
}
