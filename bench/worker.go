package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/worker"
)

// runWorker is the worker as `worker run` runs it. Its log is written, and kept
// by nobody.
func runWorker(ctx context.Context, t task, ready func(string)) error {
	cfg, err := parseConfig(t.Config)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer log.Close()
	return worker.Run(ctx, cfg, worker.Options{ConfigFile: configName, Log: log, Started: func(worker.Addresses) { ready("") }})
}

const configName = "bench.yaml"

func parseConfig(text string) (*config.Config, error) {
	return config.Parse(configName, []byte(text), os.LookupEnv)
}

// setting is what a worker's configuration is made of.
type setting struct {
	trial
	nats, stream, url, caFile, tokenFile string
}

// file is the configuration: defaults but for what the trial is about.
func (s setting) file() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nats: {url: %q}\nstream: {name: %s, subjects: [%s.>]}\nadmin: {listen: 127.0.0.1:0}\n", s.nats, s.stream, subjectRoot)
	fmt.Fprintf(&b, "connections:\n  mock:\n    product: uipath\n    url: %q\n    max_concurrent: %d\n", s.url, s.calls)
	fmt.Fprintf(&b, "    credentials: [{grant: static, token: {file: %q}}]\n", s.tokenFile)
	if s.caFile != "" {
		fmt.Fprintf(&b, "    tls: {ca_file: %q}\n", s.caFile)
	}
	b.WriteString("routes:\n")
	for i := range s.routes {
		fmt.Fprintf(&b, "  - {name: %s, subjects: [%s], connection: mock, max_in_flight: %d, batch: {max: %d}, fixed: {action: add_queue_item, folder: Bench, queue: Bench}}\n",
			routeName(i), subject(i), s.inHand(), s.batch)
	}
	return b.String()
}

func routeName(i int) string { return fmt.Sprintf("r%03d", i) }

const subjectRoot = "bench"

func subject(i int) string { return subjectRoot + "." + routeName(i) }
