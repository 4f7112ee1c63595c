package check

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/setup"
)

// Options say how to check.
type Options struct {
	// File is the path of the configuration, as the report names it.
	File string
	// Offline asks nothing of the network.
	Offline bool
	// MonitoringURL is the base of the NATS server's monitoring pages; empty:
	// they are not asked.
	MonitoringURL string
}

// The bounds of a check: of all of it, of the wait for NATS after the first try
// of each server (2 s at most), of what is asked of NATS and of each orchestrator,
// and of the log-out, also where somebody waits for the end of a check given up.
const (
	limit         = 60 * time.Second
	settleLimit   = 2 * time.Second
	partLimit     = 50 * time.Second
	farewellLimit = 5 * time.Second
	hurriedLimit  = time.Second
)

// Run checks a configuration that was loaded. It ends with ctx, and by itself
// after about a minute, with a finding for what gave no answer in time. Towards
// an orchestrator it logs in once with each credential, and then reads.
func Run(ctx context.Context, cfg *config.Config, o Options) Report {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	b := &book{file: o.File}
	b.settings(cfg)
	b.files(cfg)
	routes := offlineRoutes(cfg)
	var nats book
	nats.offlineNATS(cfg)
	b.misconfigured = b.misconfigured || nats.misconfigured
	blocked := b.misconfigured
	var products book
	products.products(cfg)
	if o.Offline || blocked {
		b.add(nats.findings...)
		b.add(products.findings...)
		b.add(routes...)
		return b.report()
	}
	b.add(pages(ctx, cfg.Admin.Listen))
	connections := b.online(ctx, cfg, o, &nats)
	b.add(nats.findings...)
	b.misconfigured = b.misconfigured || nats.misconfigured
	b.add(products.findings...)
	for _, c := range connections {
		b.add(c.shared...)
	}
	for _, c := range connections {
		b.add(c.routes...)
	}
	b.add(routes...)
	return b.report()
}

// online looks at NATS and at all connections at once.
func (b *book) online(ctx context.Context, cfg *config.Config, o Options, nats *book) []connectionReport {
	reports := make([]connectionReport, len(cfg.Connections))
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { nats.onlineNATS(ctx, cfg, o) })
	for i, c := range cfg.Connections {
		wg.Go(func() { reports[i] = inspectConnection(ctx, cfg, c) })
	}
	wg.Wait()
	return reports
}

// settings are the file's own problems and warnings.
func (b *book) settings(cfg *config.Config) {
	if problems := setup.Unsupported(cfg); len(problems) > 0 {
		b.problems(&config.Error{Problems: problems})
	}
	if _, err := setup.Decoders(cfg); err != nil {
		if problems, ok := errors.AsType[*config.Error](err); ok {
			b.problems(problems)
		}
	}
	if !b.misconfigured {
		b.add(finding.Good(b.subject(), "setting", plural(len(cfg.Connections), "connection")+", "+plural(len(cfg.Routes), "route")))
	}
	for _, warning := range cfg.Warnings {
		b.add(finding.Bad(finding.Warning, b.subject(), "setting", warning, correct))
	}
}
