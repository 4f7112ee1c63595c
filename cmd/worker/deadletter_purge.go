package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/deadletter"
)

// purge is what the command is asked to do.
type purge struct {
	*letterCommand
	filter      deadletter.Filter
	dryRun, yes bool
}

func newLetterPurge(l *letterCommand) *cobra.Command {
	var filters filterFlags
	var all bool
	p := &purge{letterCommand: l}
	c := &cobra.Command{
		Use:   "purge",
		Short: "Remove dead letters for good",
		Long: "Remove the dead letters that the filters choose. Their requests are then gone: nothing brings them back.\n" +
			"On a terminal it asks first.",
		Example: "  worker deadletter purge --id 528aa798\n" +
			"  worker deadletter purge --reason undecodable --older-than 30d --dry-run",
		Args: noArgs,
	}
	filters.register(c)
	c.Flags().BoolVar(&all, "all", false, "purge every dead letter")
	c.Flags().BoolVar(&p.dryRun, "dry-run", false, "only list what would be purged")
	c.Flags().BoolVarP(&p.yes, "yes", "y", false, "do not ask")
	c.RunE = func(c *cobra.Command, _ []string) error {
		filter, err := filters.chosen(c, time.Now(), all)
		if err != nil {
			return err
		}
		p.filter = filter
		return l.with(c.Context(), p.run)
	}
	return c
}

func (p *purge) run(ctx context.Context, s *letters) error {
	chosen, err := count(ctx, s.store, p.filter)
	switch {
	case err != nil:
		return err
	case len(chosen) == 0:
		p.say("%s", none(p.filter))
		return nil
	case p.dryRun:
		if err := p.list(ctx, s.store, p.filter, asTable, 0); err != nil {
			return err
		}
		p.say("Would purge %s.", counted(chosen.total(), "dead letter"))
		return nil
	}
	filter := p.filter
	if p.inTTY && p.outTTY && !p.yes {
		if err := p.ask(ctx, chosen); err != nil {
			return err
		}
		filter.Before = chosen.newest().Add(time.Nanosecond) // what came since was not agreed to
	}
	return p.remove(ctx, s.store, filter, chosen.total())
}

func (p *purge) remove(ctx context.Context, store *deadletter.Store, filter deadletter.Filter, total int) error {
	shown := newProgress(p.terminal, "purged", total)
	n, err := store.Purge(ctx, filter, shown.set)
	shown.end()
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return fmt.Errorf("interrupted: purged %s of %s", grouped(n), counted(total, "dead letter"))
	case err != nil:
		return fmt.Errorf("purged %s of %s: %w", grouped(n), counted(total, "dead letter"), err)
	}
	p.say("Purged %s.", counted(n, "dead letter"))
	return nil
}

var errDeclined = errors.New("nothing was purged")

// ask returns nil if the person says yes.
func (p *purge) ask(ctx context.Context, chosen tallies) error {
	for _, t := range chosen.sorted() {
		p.say("%8s  %s  %s", grouped(t.Count), plain(t.Route, ""), plain(string(t.Reason), ""))
	}
	if !p.confirmed(ctx, fmt.Sprintf("Purge %s for good?", counted(chosen.total(), "dead letter"))) {
		return errDeclined
	}
	return nil
}
