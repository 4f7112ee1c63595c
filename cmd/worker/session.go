package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/setup"
)

// connectLimit is how long a command waits for NATS: a person sits before it.
const connectLimit = 5 * time.Second

var errInterrupted = errors.New("interrupted")

// session is a command's connection to the NATS server of a configuration.
type session struct{ *broker.Conn }

// refusedError is what the server does not let this user do. Without it the
// request would only not be answered.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// inSession connects and works. When the server refuses something, the work's
// context ends, and the refusal is the error.
func inSession(ctx context.Context, cfg *config.Config, inboxPrefix string, work func(context.Context, *session) error) error {
	settings, err := clientSettings(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	settings.InboxPrefix = inboxPrefix
	var met lastError
	settings.OnError = func(err error) {
		met.note(err)
		if refused := refusal(err); refused != nil {
			cancel(refused)
		}
	}
	err = connected(ctx, cfg, settings, &met, work)
	refused, isRefused := errors.AsType[*refusedError](context.Cause(ctx))
	switch {
	case err == nil || isRefused && errors.Is(err, refused):
		return err
	case isRefused:
		return refused
	case errors.Is(err, context.Canceled):
		return errInterrupted
	}
	return err
}

// refusal is err where the server refuses the user or a subject; else nil.
func refusal(err error) error {
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		return &refusedError{fmt.Errorf("the NATS user may not do this: %w; docs/security.md lists what an operator needs, "+
			"and --inbox-prefix names an inbox that the user may subscribe to", err)}
	case errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, nats.ErrAuthRevoked):
		why, _ := broker.FaultOf(err)
		return &refusedError{fmt.Errorf("no connection to NATS: %s: %w; %s", why.Detail, err, why.Remedy)}
	}
	return nil
}

func connected(ctx context.Context, cfg *config.Config, settings broker.Settings, met *lastError, work func(context.Context, *session) error) error {
	conn, err := broker.Connect(ctx, settings)
	if err != nil {
		return err
	}
	defer conn.Close()
	wait, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	if err := conn.WaitConnected(wait); err != nil {
		return unreachable(cfg, met.reason(conn.NATS().LastError()))
	}
	return work(ctx, &session{Conn: conn})
}

func unreachable(cfg *config.Config, last error) error {
	if cfg.NATS.Embedded != nil {
		return fmt.Errorf("nothing answers at %s (nats.embedded.listen): the NATS server of this configuration is inside of the worker, "+
			"so the worker must be running: %w", cfg.NATS.Embedded.Listen, last)
	}
	why, ok := broker.FaultOf(last)
	if !ok {
		why = broker.NoNATS
	}
	return fmt.Errorf("no connection to %s (nats.url) within %v: %s: %w; %s", cfg.NATS.URL, connectLimit, why.Detail, last, why.Remedy)
}

// lastError is what the connection met last. It is safe for concurrent use.
type lastError struct{ err atomic.Pointer[error] }

func (l *lastError) note(err error) { l.err.Store(&err) }

// reason is what was met, or else what the connection itself knows.
func (l *lastError) reason(known error) error {
	if met := l.err.Load(); met != nil {
		return *met
	}
	if known != nil {
		return known
	}
	return errNoAnswer
}

var errNoAnswer = errors.New("it gives no answer")

// clientSettings are how to reach the server. The embedded one is reached at the
// worker's listener. An error is a [*config.Error].
func clientSettings(cfg *config.Config) (broker.Settings, error) {
	settings, ok := setup.Client(cfg.NATS)
	if !ok {
		problem := cfg.Problem("nats.embedded.listen", "has no fixed port, so that the worker's NATS server cannot be found; give it one")
		return settings, &config.Error{Problems: []config.Problem{problem}}
	}
	return settings, nil
}
