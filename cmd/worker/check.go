package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/check"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// checkFlags are what the command line says of a check.
type checkFlags struct {
	file       string
	offline    bool
	json       bool
	verbose    bool
	monitoring string
}

func newCheck(on terminal) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check",
		Short: "Look at everything that the configuration needs, and change nothing",
		Long: "Look at the file, the secrets and certificates that it names, NATS, the log-ins, and the folders, queues\n" +
			"and processes of the routes. Nothing is changed anywhere: orchestrators are read, after one log-in with each\n" +
			"credential. Each line that is not fine says what to do.\n\n" +
			"Exit code 0 if nothing keeps requests from being delivered, 1 if something does, 2 if the worker would not\n" +
			"start with the configuration.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.file = config.DefaultPath(f.file, os.LookupEnv)
			return runCheck(cmd.Context(), f, on)
		},
	}
	c.Flags().StringVar(&f.file, "config", "", "configuration `FILE` (default $QUEUEFERRY_CONFIG, then queueferry.yaml)")
	c.Flags().BoolVar(&f.offline, "offline", false, "ask nothing of the network")
	c.Flags().BoolVar(&f.json, "json", false, "write one JSON object instead of the list")
	c.Flags().BoolVar(&f.verbose, "verbose", false, "on a terminal, too, a line for each thing that is fine")
	c.Flags().StringVar(&f.monitoring, "nats-monitoring", "", "`URL` of the NATS server's monitoring port, such as http://127.0.0.1:8222")
	return c
}

func runCheck(ctx context.Context, f checkFlags, on terminal) error {
	report, err := checked(ctx, f)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("the check was interrupted")
	}
	if f.json {
		err = writeJSON(on, f.file, report)
	} else {
		err = writeList(on, report, on.outTTY && !f.verbose)
	}
	if err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	switch report.Result {
	case check.Misconfigured:
		return exitError(exitConfig)
	case check.Failed:
		return exitError(exitFailed)
	}
	return nil
}

func checked(ctx context.Context, f checkFlags) (check.Report, error) {
	cfg, err := config.Load(f.file, os.LookupEnv)
	if fault, ok := errors.AsType[*config.Error](err); ok {
		return check.Invalid(f.file, fault), nil
	}
	if err != nil {
		return check.Report{}, err
	}
	return check.Run(ctx, cfg, check.Options{File: f.file, Offline: f.offline, MonitoringURL: f.monitoring}), nil
}

// checkReport is the report as JSON.
type checkReport struct {
	Config  string            `json:"config"`
	Version string            `json:"version"`
	Result  check.Result      `json:"result"`
	Checks  []finding.Finding `json:"checks"`
	Counts  map[string]int    `json:"counts"`
}

func writeJSON(on terminal, file string, r check.Report) error {
	e := json.NewEncoder(on.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(checkReport{
		Config: file, Version: telemetry.ReadBuild().Version, Result: r.Result, Checks: r.Findings, Counts: r.Counts(),
	})
}
