// Command worker ferries job requests from NATS JetStream onto automation
// orchestrators.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitConfig = 2
)

func main() {
	// net/http writes what a server sent unasked to the standard logger as it is,
	// and there may be a token in it.
	log.SetOutput(io.Discard)
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs a command and tells its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	fmt.Fprintln(stderr, err)
	return codeOf(err)
}

// exitError is an exit code of a command that has said why already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func codeOf(err error) int {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return exitConfig
	}
	if _, ok := errors.AsType[*broker.ConfigError](err); ok {
		return exitConfig
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitConfig
	}
	return exitFailed
}

// untilSignal ends the context with the first SIGINT or SIGTERM, and the
// process with the second.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		untilSecond(signals, cancel)
		os.Exit(exitFailed)
	}()
	return ctx, cancel
}

// echo is for how long a signal after the first one counts as the same: who
// signals a process and its group signals it twice.
const echo = 100 * time.Millisecond

// untilSecond calls first with the first signal, and returns with the second.
func untilSecond(signals <-chan os.Signal, first func()) {
	<-signals
	began := time.Now()
	first()
	for {
		<-signals
		if time.Since(began) > echo {
			return
		}
	}
}
