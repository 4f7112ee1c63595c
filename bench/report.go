package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
)

// report is a whole run.
type report struct {
	Go      string   `json:"go"`
	Cores   int      `json:"cores"`
	Results []result `json:"results"`
}

// result is one comparison, round by round.
type result struct {
	Case     string `json:"case"`
	Goal     string `json:"goal"`
	Baseline string `json:"baseline"`
	Measured string `json:"measured"`
	Rounds   []pair `json:"rounds"`
}

// pair is one round.
type pair struct {
	Baseline figures `json:"baseline"`
	Measured figures `json:"measured"`
}

// spread is what several rounds came to.
type spread struct{ Median, Min, Max float64 }

func spreadOf(values []float64) spread {
	v := slices.Sorted(slices.Values(values))
	if len(v) == 0 {
		return spread{}
	}
	median := v[len(v)/2]
	if len(v)%2 == 0 {
		median = (median + v[len(v)/2-1]) / 2
	}
	return spread{median, v[0], v[len(v)-1]}
}

// baseline, measured and ratio are one figure over the rounds.
func (r result) baseline(of func(figures) float64) spread {
	return r.over(func(p pair) float64 { return of(p.Baseline) })
}

func (r result) measured(of func(figures) float64) spread {
	return r.over(func(p pair) float64 { return of(p.Measured) })
}

func (r result) ratio(of func(figures) float64) spread {
	return r.over(func(p pair) float64 {
		if of(p.Baseline) == 0 {
			return 0
		}
		return of(p.Measured) / of(p.Baseline)
	})
}

func (r result) over(of func(pair) float64) spread {
	values := make([]float64, len(r.Rounds))
	for i, p := range r.Rounds {
		values[i] = of(p)
	}
	return spreadOf(values)
}

func rate(f figures) float64        { return f.Rate }
func cpu(f figures) float64         { return f.CPU }
func megabytes(f figures) float64   { return f.MB }
func connections(f figures) float64 { return float64(f.Connections) }
func share(f figures) float64       { return f.Share }
func idle(f figures) float64        { return f.IdleMS }

func (r report) write(out io.Writer, o options) error {
	r.table(out)
	if o.json != "" {
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.svg != "" {
		return os.WriteFile(o.svg, r.chart(), 0o644)
	}
	return nil
}

// table shows the medians of both sides, and the ratios with their range.
func (r report) table(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d cores, %s. Two figures: baseline / measured, medians. Ratios: median (min to max) of the rounds.\n\n", r.Cores, r.Go)
	fmt.Fprintln(w, "case\tmeasured / baseline\trequests/s\tratio\tCPU s/10,000\tratio\tMB\tconnections\tgoal")
	for _, c := range r.Results {
		names := c.Measured + " / " + c.Baseline
		if c.measured(idle).Median > 0 {
			fmt.Fprintf(w, "%s\t%s\t%.2f / %.2f ms\t%s\t\t\t\t%s\t%s\n", c.Case, names,
				c.baseline(idle).Median, c.measured(idle).Median, c.ratio(idle), c.both("%.0f", connections), c.Goal)
			continue
		}
		goal := c.Goal
		if s := c.measured(share); s.Median > 0 {
			goal += fmt.Sprintf(": %.2f (%.2f to %.2f)", s.Median, s.Min, s.Max)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Case, names, c.both("%.0f", rate), c.ratio(rate),
			c.both("%.2f", cpu), c.ratio(cpu), c.both("%.0f", megabytes), c.both("%.0f", connections), goal)
	}
	_ = w.Flush()
}

func (r result) both(format string, of func(figures) float64) string {
	return fmt.Sprintf(format+" / "+format, r.baseline(of).Median, r.measured(of).Median)
}

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f to %.2f)", s.Median, s.Min, s.Max) }
