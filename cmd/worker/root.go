package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/telemetry"
)

// usageError is a wrong flag or argument.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "worker",
		Short: "Ferries job requests from NATS JetStream onto automation orchestrators",
		Long: "Ferries job requests from NATS JetStream onto automation orchestrators: each becomes a queue item,\n" +
			"a job, a run of a bot or an action on a recovery plan, and its message is acked, put off, held or set\n" +
			"aside as a dead letter.",
		Version:       telemetry.ReadBuild().String(),
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{usage(c, err)}
	})
	on := terminalOf(os.Stdin, stdout, stderr)
	root.AddCommand(newRun(stdout, stderr), newCheck(on), newDeadletter(on), newClients(on), newVersion(stdout))
	return root
}

func knownCommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{usage(c, fmt.Errorf("unknown command %q", args[0]))}
	}
	return nil
}

func newVersion(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(stdout, telemetry.ReadBuild().String()+"\n")
			return err
		},
	}
}
