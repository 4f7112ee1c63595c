// Command sandbox shows the whole of Queueferry at work, on free ports of this
// machine and with nothing installed: a JetStream server, simulated servers of
// UiPath, Automation Anywhere and Veeam, and the worker between them, which adds
// queue items, starts jobs and bots and checks recovery plans while tokens are
// revoked, answers get lost, one product after the other goes away, and some
// requests are broken, forbidden or repeated.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	keep := flag.Bool("keep", false, "leave everything running, to try by hand; Ctrl-C ends it")
	requests := flag.Int("requests", 2000, "about how many good requests to publish, at least 100")
	flag.Parse()
	if *requests < 100 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(ctx, os.Stdout, *requests, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// run is the whole show. It fails unless the books balance.
func run(ctx context.Context, out io.Writer, requests int, keep bool) error {
	began := time.Now()
	fmt.Fprintln(out, "Queueferry sandbox: a JetStream server, UiPath, Automation Anywhere and Veeam\n(simulated), and the worker between them.")
	fmt.Fprintln(out)
	s, err := open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	p := newPlay(s, newScreen(out), requests)
	if err := p.perform(ctx); err != nil {
		s.keepDir = true
		return fmt.Errorf("%w; the worker's log: %s", err, s.logFile())
	}
	b := p.balance()
	p.report(out)
	b.print(out, time.Since(began))
	if keep {
		if err := s.stayOpen(ctx, out); err != nil {
			return err
		}
	}
	return b.verdict()
}
