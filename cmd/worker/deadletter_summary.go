package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
)

// tally counts the letters of a route and a reason.
type tally struct {
	Route  string     `json:"route"`
	Reason job.Reason `json:"reason"`
	Count  int        `json:"count"`
	Oldest time.Time  `json:"oldest"`
	Newest time.Time  `json:"newest"`
}

// tallies counts letters by route and reason.
type tallies map[[2]string]*tally

func (all tallies) add(s deadletter.Stored) {
	key, failed := [2]string{s.Route, string(s.Reason)}, s.Failed().UTC()
	t := all[key]
	if t == nil {
		t = &tally{Route: s.Route, Reason: s.Reason, Oldest: failed, Newest: failed}
		all[key] = t
	}
	t.Count++
	if failed.Before(t.Oldest) {
		t.Oldest = failed
	}
	if failed.After(t.Newest) {
		t.Newest = failed
	}
}

// total is how many letters were counted.
func (all tallies) total() (n int) {
	for _, t := range all {
		n += t.Count
	}
	return n
}

// newest is when the last of them failed; zero if there is none.
func (all tallies) newest() (at time.Time) {
	for _, t := range all {
		if t.Newest.After(at) {
			at = t.Newest
		}
	}
	return at
}

// sorted has the routes in order, and of each the most frequent reason first.
func (all tallies) sorted() []*tally {
	return slices.SortedFunc(maps.Values(all), func(a, b *tally) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
}

func count(ctx context.Context, store *deadletter.Store, filter deadletter.Filter) (tallies, error) {
	all := tallies{}
	for s, err := range store.List(ctx, filter, false) {
		if err != nil {
			return nil, err
		}
		all.add(s)
	}
	return all, nil
}

// summary writes how many letters there are of each route and reason.
func (l *letterCommand) summary(ctx context.Context, store *deadletter.Store, filter deadletter.Filter, form string) error {
	all, err := count(ctx, store, filter)
	if err != nil {
		return err
	}
	if form == asTable {
		err = l.summaryTable(all)
	} else {
		err = l.summaryJSON(all, form)
	}
	if err == nil && len(all) == 0 {
		l.say("%s", none(filter))
	}
	return err
}

func (l *letterCommand) summaryTable(all tallies) error {
	t := newTable(l.out, l.lineWidth(), "ROUTE", "REASON", "LETTERS", "OLDEST", "NEWEST")
	for _, row := range all.sorted() {
		if err := t.add(row.Route, string(row.Reason), strconv.Itoa(row.Count), clock(row.Oldest), clock(row.Newest)); err != nil {
			return err
		}
	}
	return t.close()
}

func (l *letterCommand) summaryJSON(all tallies, form string) error {
	w := jsonWriter{w: l.out, array: form == asJSON}
	for _, row := range all.sorted() {
		if err := w.write(row); err != nil {
			return err
		}
	}
	return w.close()
}
