package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/deadletter"
)

// letterCommand is what the commands about dead letters have in common.
type letterCommand struct {
	terminal
	file        string
	inboxPrefix string
}

func newDeadletter(t terminal) *cobra.Command {
	l := &letterCommand{terminal: t}
	c := &cobra.Command{
		Use:   "deadletter",
		Short: "List, show, replay and purge dead letters",
		Long: "Dead letters are the messages that the worker set aside because they could not be delivered, each with the\n" +
			"reason. These commands list them, show one with what to do about it, publish them again, and remove them.\n" +
			"They may run beside workers.\n\n" +
			"Exit code 0 when it is done; 1 if it failed, a letter was left that should have been replayed, or show found\n" +
			"none; 2 for wrong use or a configuration that is at fault.",
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&l.file, "config", "", "configuration `FILE` (default $QUEUEFERRY_CONFIG, then queueferry.yaml)")
	c.PersistentFlags().StringVar(&l.inboxPrefix, "inbox-prefix", "", "`PREFIX` of the subjects for answers, for a NATS user who may not use _INBOX")
	c.AddCommand(newLetterList(l), newLetterShow(l), newLetterReplay(l), newLetterPurge(l))
	return c
}

// say tells the person, not the script.
func (l *letterCommand) say(format string, args ...any) {
	fmt.Fprintf(l.err, format+"\n", args...)
}

// letters is the stream of dead letters, and the way to it.
type letters struct {
	config *config.Config
	*session
	store *deadletter.Store
}

// with opens the dead letters and works on them. What a permission is missing
// for ends the work, and is the error.
func (l *letterCommand) with(ctx context.Context, work func(context.Context, *letters) error) error {
	cfg, err := config.Load(config.DefaultPath(l.file, os.LookupEnv), os.LookupEnv)
	if err != nil {
		return err
	}
	return inSession(ctx, cfg, l.inboxPrefix, func(ctx context.Context, s *session) error {
		store, err := deadletter.Open(ctx, s.JetStream(), cfg.DeadLetter.Stream, cfg.DeadLetter.Subject)
		if err != nil {
			return err
		}
		return work(ctx, &letters{config: cfg, session: s, store: store})
	})
}
