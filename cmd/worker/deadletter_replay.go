package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
)

// replay is what the command is asked to do.
type replay struct {
	*letterCommand
	filter         deadletter.Filter
	rate           float64
	to             string
	resend, dryRun bool
}

func newLetterReplay(l *letterCommand) *cobra.Command {
	var filters filterFlags
	var all bool
	r := &replay{letterCommand: l}
	c := &cobra.Command{
		Use:   "replay",
		Short: "Publish dead letters again, and remove them",
		Long: "Publish the messages that the filters choose again, under their subjects and ids, and remove each dead letter\n" +
			"once its message is stored. Attempts begin anew. Replaying twice, or after it was broken off, is safe: what\n" +
			"was stored is not stored again.",
		Example: "  worker deadletter replay --route invoices --reason not_found\n" +
			"  worker deadletter replay --all --rate 20 --dry-run",
		Args: noArgs,
	}
	filters.register(c)
	c.Flags().BoolVar(&all, "all", false, "replay every dead letter")
	c.Flags().BoolVar(&r.dryRun, "dry-run", false, "only list what would be replayed, and to where")
	c.Flags().Float64Var(&r.rate, "rate", 0, "replay no more than `N` letters a second; 0: no limit")
	c.Flags().StringVar(&r.to, "to-route", "", "replay to the route `NAME`, whatever the letters' own subjects are")
	c.Flags().BoolVar(&r.resend, "resend", false, "forget that a request may have been carried out: for letters whose effect you looked\nfor in the orchestrator and did not find")
	c.RunE = func(c *cobra.Command, _ []string) error {
		filter, err := filters.chosen(c, time.Now(), all)
		if err != nil {
			return err
		}
		if r.rate < 0 || math.IsNaN(r.rate) || math.IsInf(r.rate, 0) {
			return wrongUse(c, "--rate is no number of letters a second")
		}
		r.filter = filter
		return l.with(c.Context(), r.run)
	}
	return c
}

func (r *replay) run(ctx context.Context, s *letters) error {
	to, err := newDestinations(s.config, r.to)
	if err != nil {
		return err
	}
	book, err := ledger.Open(ctx, s.JetStream(), s.config.Ledger.Bucket)
	if err != nil {
		return err
	}
	again := &deadletter.Replay{
		Store: s.store, Ledger: book, JetStream: s.JetStream(), Stream: s.config.Stream.Name, Owner: replayOwner(),
		Rate: r.rate, Resend: r.resend,
		Target: func(s deadletter.Stored) (deadletter.Destination, error) { return to.of(ctx, s) },
	}
	if r.dryRun {
		return r.plan(ctx, again)
	}
	chosen, err := count(ctx, s.store, r.filter)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		r.say("%s", none(r.filter))
		return nil
	}
	return r.publish(ctx, again, chosen.total())
}

// plan lists where the letters would go.
func (r *replay) plan(ctx context.Context, again *deadletter.Replay) error {
	t := newTable(r.out, r.lineWidth(), "HASH", "ROUTE", "REASON", "REQUEST ID", "SUBJECT", "LEFT BECAUSE")
	n, left := 0, 0
	for p, err := range again.Plan(ctx, r.filter) {
		if err != nil {
			return err
		}
		why := ""
		if n++; p.Err != nil {
			left++
			why = whyLeft(p.Err)
		}
		if err := t.add(shortHash(p.Stored), p.Stored.Route, string(p.Stored.Reason), cmp.Or(p.Destination.RequestID, p.Stored.RequestID), p.Destination.Subject, why); err != nil {
			return err
		}
	}
	if err := t.close(); err != nil {
		return err
	}
	switch {
	case n == 0:
		r.say("%s", none(r.filter))
	case left > 0:
		return fmt.Errorf("would replay %s of %s; %s would be left where they are", grouped(n-left), counted(n, "dead letter"), grouped(left))
	default:
		r.say("Would replay %s.", counted(n, "dead letter"))
	}
	return nil
}

// maxToldLeft bounds the lines about letters that were left.
const maxToldLeft = 20

// publish replays, and says how far it is.
func (r *replay) publish(ctx context.Context, again *deadletter.Replay, total int) error {
	shown := newProgress(r.terminal, "replaying", total)
	done, left := 0, 0
	again.Told = func(p deadletter.Replayed) {
		if p.Unchosen {
			return
		}
		if p.Err != nil {
			if left++; left <= maxToldLeft {
				shown.line("left " + leftLine(p))
			}
		}
		done++
		shown.set(done)
	}
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		shown.line("finishing the letters under way…")
	})
	result, err := again.Run(ctx, r.filter)
	if !stop() {
		<-said
	}
	shown.end()
	if left > maxToldLeft {
		r.say("… and %s more were left", grouped(left-maxToldLeft))
	}
	return r.outcome(ctx, err, result, total)
}

func leftLine(p deadletter.Replayed) string {
	return plain(fmt.Sprintf("%s %s %s %s: %v", shortHash(p.Stored), p.Stored.Route, p.Stored.Reason, orNone(p.Stored.RequestID), whyLeft(p.Err)), "")
}

// whyLeft is without the name of the part that says it: the line is about a dead
// letter anyway.
func whyLeft(err error) string { return strings.TrimPrefix(err.Error(), "deadletter: ") }

// outcome is the last line: an error unless all was replayed. What was counted
// before may have become more.
func (r *replay) outcome(ctx context.Context, err error, result deadletter.Result, total int) error {
	if result.Unchosen > 0 {
		r.say("Removed %s that an earlier replay had published.", counted(result.Unchosen, "other dead letter"))
	}
	total = max(total, result.Replayed+result.Left)
	done := fmt.Sprintf("replayed %s of %s", grouped(result.Replayed), counted(total, "dead letter"))
	remain := grouped(max(total-result.Replayed, result.Left))
	refused, isRefused := errors.AsType[*refusedError](context.Cause(ctx))
	switch {
	case isRefused:
		return fmt.Errorf("%s, %s remain; to run it again is safe: %w", done, remain, refused)
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %s, %s remain; to run it again is safe", done, remain)
	case err != nil:
		return fmt.Errorf("%s, %s remain; to run it again is safe: %w", done, remain, err)
	case result.Left > 0:
		return fmt.Errorf("%s; %s left where they are", done, grouped(result.Left))
	}
	r.say("Replayed %s.", counted(result.Replayed, "dead letter"))
	return nil
}

// replayOwner names this run in the ledger.
func replayOwner() string {
	host, _ := os.Hostname()
	return strings.Trim("replay-"+host+"-"+rand.Text(), "-")
}
