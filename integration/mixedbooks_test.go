package integration

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// books is what became of the requests of each kind.
type books map[string]*sums

type sums struct {
	requests, made, parked int
	lost, twice            []string
}

// balance holds what was published against the orchestrator's own records and
// the dead letters.
func (m *mixed) balance() books {
	m.t.Helper()
	made := map[string]int{}
	for _, item := range m.uipath.Items() {
		made[item.Reference]++
	}
	for _, job := range m.uipath.Jobs() {
		made[job.Reference]++
	}
	dead := map[string]string{}
	for _, letter := range m.deadLetters() {
		dead[letter.Header.Get("Queueferry-Request-Id")] = letter.Header.Get("Queueferry-Reason") + ": " + letter.Header.Get("Queueferry-Detail")
	}
	b := books{}
	for _, kind := range kinds {
		b[kind] = &sums{}
	}
	for _, p := range m.published {
		b[p.kind].add(p.id, made[p.id], dead[p.id])
	}
	return b
}

// add judges one request. To be set aside is right only for one that nobody can
// tell of: none of these is at fault itself, and none runs out of attempts.
func (s *sums) add(id string, made int, dead string) {
	s.requests++
	s.made += made
	switch {
	case strings.HasPrefix(dead, "unknown_outcome"):
		s.parked++
	case dead != "":
		s.lost = append(s.lost, fmt.Sprintf("%s (made %d times) is set aside as %s", id, made, dead))
	case made == 0:
		s.lost = append(s.lost, id+" is nowhere")
	}
	if made > 1 {
		s.twice = append(s.twice, fmt.Sprintf("%s %d times", id, made))
	}
}

func (b books) parked() (n int) {
	for _, s := range b {
		n += s.parked
	}
	return n
}

// String is a table.
func (b books) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\n\trequests\tmade\tparked\tlost\ttwice\t")
	for _, kind := range kinds {
		s := b[kind]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", kind, s.requests, s.made, s.parked, len(s.lost), len(s.twice))
	}
	_ = w.Flush()
	return out.String()
}

// faultyShare is how many of the acting calls met a fault of the usual ones.
func (m *mixed) faultyShare() float64 {
	hits := 0
	for _, f := range m.faults {
		hits += f.Hits()
	}
	counts := m.uipath.Counts()
	calls := 0
	for _, op := range uipath.ActingOperations {
		calls += counts.Total(op)
	}
	m.t.Logf("%d of %d acting calls met a fault; %d look-ups of items, %d of jobs; %d log-ins", hits, calls,
		counts.Total(uipath.ListQueueItems), counts.Total(uipath.ListJobs), counts.LogIns)
	return float64(hits) / float64(calls)
}
