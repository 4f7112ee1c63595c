package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
)

// passage follows one call on its way: whether it was let out of the house, and
// whether it left. It begins anew with each connection that is asked for:
// net/http and the re-authenticating transport repeat only what was certainly
// not carried out.
type passage struct {
	signs   bool        // the transport gets the token
	asked   atomic.Bool // for a connection: the token is there
	written atomic.Bool
}

func (p *passage) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			p.asked.Store(true)
			p.written.Store(false)
		},
		WroteHeaders: func() { p.written.Store(true) },
	}
}

// over is the transport for this one call. The 401 that the re-authenticating
// transport keeps to itself is noticed below it.
func (p *passage) over(transport http.RoundTripper) http.RoundTripper {
	signing, ok := transport.(*authpool.Transport)
	if !ok {
		return transport
	}
	p.signs = true
	base := signing.Base
	if base == nil {
		base = http.DefaultTransport
	}
	return &authpool.Transport{Base: &listener{base, p}, Pool: signing.Pool, Header: signing.Header}
}

// listener tells a passage of a 401: what was answered so was not carried out,
// and needs a new token first.
type listener struct {
	base    http.RoundTripper
	passage *passage
}

func (l *listener) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.base.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		l.passage.asked.Store(false)
		l.passage.written.Store(false)
	}
	return resp, err
}

var errNoToken = errors.New("no token came within the time-out of the call")

// explain adds to an error what its own chain may not tell: that the call's
// context ended, and that it ended while the token was waited for.
func (p *passage) explain(ctx context.Context, err error) error {
	if p.signs && !p.asked.Load() && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &authpool.Error{Reason: job.IdentityUnavailable, Err: errNoToken}
	}
	return withEnd(ctx, err)
}

// withEnd makes sure that the error tells by which end of ctx it came about: a
// context may have a cause of its own.
func withEnd(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	return err
}
