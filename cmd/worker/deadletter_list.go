package main

import (
	"bufio"
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/deadletter"
)

func newLetterList(l *letterCommand) *cobra.Command {
	var filters filterFlags
	var output outputFlags
	var limit int
	var summary bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, the oldest first",
		Long: "List dead letters, the oldest first. Filters of different kinds must all match; of several of one kind any.\n" +
			"Without a filter all are listed.",
		Example: "  worker deadletter list --summary\n" +
			"  worker deadletter list --route invoices --reason not_found --newer-than 7d\n" +
			"  worker deadletter list --json | jq -r '.[].request_id'",
		Args: noArgs,
	}
	filters.register(c)
	output.register(c, "table")
	c.Flags().IntVar(&limit, "limit", 0, "list no more than `N`, the oldest; 0: all")
	c.Flags().BoolVar(&summary, "summary", false, "only count them, by route and reason")
	c.RunE = func(c *cobra.Command, _ []string) error {
		filter, err := filters.filter(c, time.Now())
		if err != nil {
			return err
		}
		form, err := output.chosen(c)
		switch {
		case err != nil:
			return err
		case limit < 0:
			return wrongUse(c, "--limit is negative")
		case limit > 0 && summary:
			return wrongUse(c, "--limit and --summary exclude each other")
		}
		return l.with(c.Context(), func(ctx context.Context, s *letters) error {
			if summary {
				return l.summary(ctx, s.store, filter, form)
			}
			return l.list(ctx, s.store, filter, form, limit)
		})
	}
	return c
}

// list writes the letters as they come.
func (l *letterCommand) list(ctx context.Context, store *deadletter.Store, filter deadletter.Filter, form string, limit int) error {
	w := l.listWriter(form)
	n, more := 0, false
	for s, err := range store.List(ctx, filter, false) {
		if err != nil {
			return err
		}
		if more = limit > 0 && n == limit; more {
			break
		}
		if err := w.write(s); err != nil {
			return err
		}
		n++
	}
	if err := w.close(); err != nil {
		return err
	}
	switch {
	case n == 0:
		l.say("%s", none(filter))
	case more:
		l.say("There are more; these are the oldest %s.", grouped(n))
	}
	return nil
}

// none says that there is no letter, and how to find those that there are where
// the filter may be mistyped.
func none(filter deadletter.Filter) string {
	if filter.IsZero() {
		return "There are no dead letters."
	}
	text := "No dead letter matches."
	if len(filter.IDs) > 0 {
		text += " An id is a whole request id, a hash, or at least its first 6 digits."
	}
	if len(filter.Routes) > 0 {
		text += " worker deadletter list --summary names the routes that have letters."
	}
	return text
}

// letterWriter writes letters in one form. Close ends the output; what was
// written before it may still be held back.
type letterWriter interface {
	write(deadletter.Stored) error
	close() error
}

func (l *letterCommand) listWriter(form string) letterWriter {
	if form == asTable {
		return &letterTable{newTable(l.out, l.lineWidth(), "HASH", "FAILED", "ROUTE", "REASON", "ATTEMPTS", "STATUS", "REQUEST ID", "DETAIL")}
	}
	return newLetterJSON(l, form, recordOf)
}

// letterTable has a line for each letter.
type letterTable struct{ *table }

// shownDigits is how much of a hash a table shows: enough to name a letter by.
const shownDigits = 8

func (t *letterTable) write(s deadletter.Stored) error {
	status := ""
	if s.Status != 0 {
		status = strconv.Itoa(s.Status)
	}
	return t.add(shortHash(s), clock(s.Failed()), s.Route, string(s.Reason), strconv.Itoa(s.Attempts), status, s.RequestID, s.Detail)
}

func shortHash(s deadletter.Stored) string { return s.Hash[:min(len(s.Hash), shownDigits)] }

// clock is a time for people, in UTC, to the second.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// letterJSON writes letters as the records that of makes of them.
type letterJSON struct {
	buffer *bufio.Writer
	json   jsonWriter
	of     func(deadletter.Stored) record
}

func newLetterJSON(l *letterCommand, form string, of func(deadletter.Stored) record) *letterJSON {
	buffer := bufio.NewWriter(l.out)
	return &letterJSON{buffer, jsonWriter{w: buffer, array: form == asJSON}, of}
}

func (j *letterJSON) write(s deadletter.Stored) error { return j.json.write(j.of(s)) }

func (j *letterJSON) close() error {
	if err := j.json.close(); err != nil {
		return err
	}
	return j.buffer.Flush()
}
