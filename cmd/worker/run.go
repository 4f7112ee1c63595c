package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/worker"
)

func newRun(stdout, stderr io.Writer) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the worker until SIGTERM, then drain",
		Long: "Run the worker until SIGTERM or Ctrl-C, then drain: calls under way are finished, what has not begun is\n" +
			"handed back. A second signal exits at once. SIGHUP reads log.level again.\n\n" +
			"Exit code 0 after a drain, 1 if it could not run, 2 if the configuration is at fault: then every problem\n" +
			"is listed, and no message was touched.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runWorker(cmd.Context(), config.DefaultPath(file, os.LookupEnv), stdout, stderr)
		},
	}
	c.Flags().StringVar(&file, "config", "", "configuration `FILE` (default $QUEUEFERRY_CONFIG, then queueferry.yaml)")
	return c
}

func runWorker(ctx context.Context, file string, stdout, stderr io.Writer) error {
	cfg, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	level, err := zap.ParseAtomicLevel(cfg.Log.Level)
	if err != nil {
		return fmt.Errorf("log.level: %w", err)
	}
	stop := onHangUp(func() {
		if err := readLevel(file, level); err != nil {
			fmt.Fprintf(stderr, "SIGHUP: the file cannot be used, and the log level stays as it is; correct it and send SIGHUP again:\n%v\n", err)
		}
	})
	defer stop()
	return worker.Run(ctx, cfg, worker.Options{ConfigFile: file, Log: stdout, Level: &level})
}

// readLevel takes the log level from the file anew; a file that is at fault
// changes nothing.
func readLevel(file string, level zap.AtomicLevel) error {
	cfg, err := config.Load(file, os.LookupEnv)
	if err != nil {
		return err
	}
	changed, err := zap.ParseAtomicLevel(cfg.Log.Level)
	if err != nil {
		return err
	}
	level.SetLevel(changed.Level())
	return nil
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{usage(c, fmt.Errorf("unexpected argument %q", args[0]))}
	}
	return nil
}

func usage(c *cobra.Command, err error) error {
	return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
}
