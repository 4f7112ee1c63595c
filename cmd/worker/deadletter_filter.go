package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
)

// filterFlags choose letters.
type filterFlags struct {
	routes, reasons, ids []string
	older, newer         age
}

func (f *filterFlags) register(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.routes, "route", nil, "letters of this `ROUTE`; may be given several times")
	c.Flags().StringSliceVar(&f.reasons, "reason", nil, "letters with this `REASON`; may be given several times")
	c.Flags().StringArrayVar(&f.ids, "id", nil, "the letter of this request `ID`, hash, or at least 6 first digits of the hash; may be given\nseveral times")
	c.Flags().Var(&f.older, "older-than", "letters that failed longer ago than `AGE`, such as 90m, 36h or 7d")
	c.Flags().Var(&f.newer, "newer-than", "letters that failed within the last `AGE`")
}

// filter is what the flags ask for; an error is wrong use.
func (f *filterFlags) filter(c *cobra.Command, now time.Time) (deadletter.Filter, error) {
	chosen := deadletter.Filter{Routes: f.routes, IDs: f.ids}
	for _, name := range f.reasons {
		reason := job.Reason(name)
		if !slices.Contains(job.DeadLetterReasons, reason) {
			return chosen, wrongUse(c, "unknown reason %q; known are %s", name, knownReasons())
		}
		chosen.Reasons = append(chosen.Reasons, reason)
	}
	switch {
	case slices.Contains(f.routes, ""):
		return chosen, wrongUse(c, "--route is empty")
	case slices.Contains(f.ids, ""):
		return chosen, wrongUse(c, "an id is empty")
	case f.older > 0 && f.newer > 0 && f.newer <= f.older:
		return chosen, wrongUse(c, "no letter is both older than %v and newer than %v", &f.older, &f.newer)
	}
	if f.older > 0 {
		chosen.Before = now.Add(-time.Duration(f.older))
	}
	if f.newer > 0 {
		chosen.After = now.Add(-time.Duration(f.newer))
	}
	return chosen, nil
}

// chosen is the filter of a command that changes something, which must have
// been asked for: by a filter, or for all.
func (f *filterFlags) chosen(c *cobra.Command, now time.Time, all bool) (deadletter.Filter, error) {
	filter, err := f.filter(c, now)
	switch {
	case err != nil:
		return filter, err
	case filter.IsZero() && !all:
		return filter, wrongUse(c, "nothing is chosen: give --route, --reason, --id, --older-than or --newer-than, or --all for every letter")
	case !filter.IsZero() && all:
		return filter, wrongUse(c, "--all stands alone: leave it out, or leave out the filters")
	}
	return filter, nil
}

func knownReasons() string {
	var names []string
	for _, r := range job.DeadLetterReasons {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

func wrongUse(c *cobra.Command, format string, args ...any) error {
	return &usageError{usage(c, fmt.Errorf(format, args...))}
}

// age is a duration in which days may be given, as a flag. Zero: not set.
type age time.Duration

var errAge = errors.New("give an age such as 90m, 36h or 7d")

const day = 24 * time.Hour

// Set reads 90m, 36h, 7d or 1d12h.
func (a *age) Set(text string) error {
	var total time.Duration
	if days, rest, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errAge
		}
		total, text = time.Duration(n)*day, rest
	}
	if text != "" || total == 0 {
		rest, err := time.ParseDuration(text)
		if err != nil || rest < 0 || total+rest <= 0 {
			return errAge
		}
		total += rest
	}
	*a = age(total)
	return nil
}

// String is the age as it may be given.
func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	d := time.Duration(*a)
	if d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}

// Type is what the help calls it.
func (a *age) Type() string { return "age" }
