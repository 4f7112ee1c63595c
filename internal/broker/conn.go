package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// waitPoll is how often WaitConnected looks again.
const waitPoll = 50 * time.Millisecond

// Conn is the connection to the NATS servers. It reconnects for ever, whatever
// the fault. It is safe for concurrent use.
type Conn struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	closed chan struct{}
	report *reporter
	silent silence
	denied denials
}

// Connect starts connecting and returns, at the latest after 2 seconds for each
// server named: a server that is not there, is frozen or refuses the log-in is
// no error, but is tried again for ever, once or twice a second. An error is a
// [*ConfigError], or that of ctx.
func Connect(ctx context.Context, s Settings) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("broker: connect: %w", err)
	}
	c := &Conn{closed: make(chan struct{}), report: newReporter(s.OnError)}
	opts, err := c.options(s)
	if err != nil {
		return nil, err
	}
	if c.nc, err = nats.Connect(s.URL, opts...); err != nil {
		return nil, misconfiguredBy(err, "nats: the client refuses the settings")
	}
	if c.js, err = jetstream.New(c.nc); err != nil {
		c.Close()
		return nil, fmt.Errorf("broker: %w", err)
	}
	if err := ctx.Err(); err != nil {
		c.Close()
		return nil, fmt.Errorf("broker: connect: %w", err)
	}
	return c, nil
}

// NATS is the connection itself.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// JetStream is the JetStream context. A call whose context has no deadline ends
// after 5 seconds.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Connected reports whether there is a connection now. What is published while
// there is none lies in a buffer of 8 MiB and goes out at the next connection,
// however late: what must not take effect late asks first.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// WaitConnected returns nil once there is a connection. The error wraps
// [ErrDisconnected], what went wrong last, and the error of ctx.
func (c *Conn) WaitConnected(ctx context.Context) error {
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for !c.nc.IsConnected() {
		// Before the first connection the library tells no callback of a log-in
		// that is refused.
		last := c.nc.LastError()
		c.report.error(last)
		select {
		case <-ctx.Done():
			return waitError(last, ctx.Err())
		case <-c.closed:
			return waitError(last, nats.ErrConnectionClosed)
		case <-tick.C:
		}
	}
	return nil
}

func waitError(last, cause error) error {
	if last == nil {
		return fmt.Errorf("%w: %w", ErrDisconnected, cause)
	}
	return fmt.Errorf("%w: %w: %w", ErrDisconnected, cause, last)
}

// Denied is what the server last refused the user on this connection, such as
// "publish to jobs-dead.a", and when; empty if it refused nothing.
func (c *Conn) Denied() (what string, at time.Time) { return c.denied.latest() }

// MaxPayload is the size in bytes of the largest message that the server takes,
// headers included; 0 before the first connection.
func (c *Conn) MaxPayload() int64 { return c.nc.MaxPayload() }

// Closed is closed once the connection is gone for good, by Close or by a fault
// of the library. The latter is fatal: nothing works any more.
func (c *Conn) Closed() <-chan struct{} { return c.closed }

// Flush returns nil once the server has taken all that was published before, or
// the error of ctx; without a deadline it waits 10 seconds.
func (c *Conn) Flush(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("broker: flush: %w", err)
	}
	return nil
}

// Close ends the connection and returns when its callbacks are done. What is
// not flushed is lost. A second call does nothing. It must not be called from a
// callback.
func (c *Conn) Close() {
	c.nc.Close()
	<-c.closed
}
