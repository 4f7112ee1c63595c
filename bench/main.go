// Command bench measures the worker against a bare loop, side by side in one
// run: what does all that the worker promises cost? Read its figures as ratios;
// docs/performance.md says how.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == childMark {
		os.Exit(child(os.Args[2]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	full                    bool
	rounds, depth, requests int
	only                    *regexp.Regexp
	json, svg, profile      string
}

func readOptions(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	quick := f.Bool("quick", false, "the main cases in under two minutes (the default)")
	f.BoolVar(&o.full, "full", false, "every case, with more requests and rounds (a quarter of an hour)")
	f.IntVar(&o.rounds, "rounds", 0, "rounds of each case; 0: 3, or 5 with -full")
	f.IntVar(&o.requests, "requests", 0, "requests of a measurement with single calls; 0: 8,000, or 20,000 with -full")
	f.IntVar(&o.depth, "depth", 1_000_000, "messages in the deep queue of -full")
	only := f.String("case", "", "only the cases whose name matches this `REGEXP`, those of -full included")
	f.StringVar(&o.json, "json", "", "write every figure of every round to `FILE`")
	f.StringVar(&o.svg, "svg", "", "write the chart to `FILE`")
	f.StringVar(&o.profile, "cpuprofile", "", "write CPU profiles of the worker to `FILE`.CASE.ROUND, and beside each what it allocated")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || *quick && o.full {
		return o, fmt.Errorf("unexpected arguments %q; see -help", args)
	}
	if *only != "" {
		if o.only, err = regexp.Compile(*only); err != nil {
			return o, err
		}
	}
	o.fill()
	return o, nil
}

func (o *options) fill() {
	rounds, requests := 3, 8_000
	if o.full {
		rounds, requests = 5, 20_000
	}
	if o.rounds <= 0 {
		o.rounds = rounds
	}
	if o.requests <= 0 {
		o.requests = requests
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := readOptions(args, stderr)
	if err != nil {
		return err
	}
	stage, err := openStage(ctx)
	if err != nil {
		return err
	}
	defer stage.close()
	report := report{Go: runtime.Version(), Cores: runtime.NumCPU()}
	for _, c := range chosen(o) {
		result := result{Case: c.name, Baseline: c.a.name, Measured: c.b.name, Goal: c.goal}
		for round := range o.rounds {
			a, err := stage.measure(ctx, c.a, "")
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, c.a.name, err)
			}
			b, err := stage.measure(ctx, c.b, profile(o, c, round))
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, c.b.name, err)
			}
			result.Rounds = append(result.Rounds, pair{a, b})
			fmt.Fprintf(stderr, "%s, round %d of %d: %s %s; %s %s\n", c.name, round+1, o.rounds, c.a.name, a, c.b.name, b)
		}
		report.Results = append(report.Results, result)
	}
	return report.write(stdout, o)
}

func profile(o options, c comparison, round int) string {
	if o.profile == "" {
		return ""
	}
	return fmt.Sprintf("%s.%s.%d", o.profile, c.name, round+1)
}
