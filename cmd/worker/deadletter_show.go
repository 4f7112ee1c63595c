package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/deadletter"
)

func newLetterShow(l *letterCommand) *cobra.Command {
	var output outputFlags
	c := &cobra.Command{
		Use:   "show ID...",
		Short: "Show dead letters whole, and what to do about them",
		Long: "Show the letters of these request ids or hashes (at least 6 first digits): what happened, when, where the\n" +
			"message came from, what to do about it, its headers and its payload.",
		Example: "  worker deadletter show 528aa798\n" +
			"  worker deadletter show inv-000123 --json | jq '.[].payload'",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || slices.Contains(args, "") {
				return wrongUse(c, "give a request id or a hash")
			}
			return nil
		},
	}
	output.register(c, "table (for reading)")
	c.RunE = func(c *cobra.Command, ids []string) error {
		form, err := output.chosen(c)
		if err != nil {
			return err
		}
		return l.with(c.Context(), func(ctx context.Context, s *letters) error {
			return l.show(ctx, s.store, ids, form)
		})
	}
	return c
}

// show writes every letter that an id names; an id that names none is an error.
func (l *letterCommand) show(ctx context.Context, store *deadletter.Store, ids []string, form string) error {
	var w letterWriter = newLetterJSON(l, form, wholeRecordOf)
	if form == asTable {
		w = &letterPages{l: l}
	}
	missing := slices.Clone(ids)
	for s, err := range store.List(ctx, deadletter.Filter{IDs: ids}, true) {
		if err != nil && !errors.Is(err, deadletter.ErrPayload) {
			return err
		}
		if err != nil {
			l.say("%v", err)
		}
		if err := w.write(s); err != nil {
			return err
		}
		missing = slices.DeleteFunc(missing, s.Named)
	}
	if err := w.close(); err != nil {
		return err
	}
	if len(missing) > 0 {
		for i, id := range missing {
			missing[i] = plain(id, "")
		}
		return fmt.Errorf("no dead letter is named %s: give a request id, a hash, or at least its first 6 digits", strings.Join(missing, ", "))
	}
	return nil
}
