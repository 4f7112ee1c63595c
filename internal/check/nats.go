package check

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/setup"
)

// onlineNATS connects to the servers and looks at what the worker needs there. It
// never starts a server: the embedded one is that of a worker that runs.
func (b *book) onlineNATS(ctx context.Context, cfg *config.Config, o Options) {
	settings, ok := setup.Client(cfg.NATS)
	if !ok {
		b.add(finding.Bad(finding.Unknown, "nats", "connection", "the worker's own server takes any free port, so it cannot be found",
			"Set a port in nats.embedded.listen, if publishers are to reach it."))
		return
	}
	conn, err := connectNATS(ctx, settings)
	if err != nil {
		b.unconnected(err, settings.URL, cfg.NATS.Embedded != nil)
		return
	}
	defer conn.Close()
	if cfg.NATS.Embedded != nil && conn.NATS().ConnectedServerName() != broker.EmbeddedName {
		b.add(finding.Bad(finding.Error, "nats", "connection", "a NATS server that is not a worker's listens at "+settings.URL+": the worker cannot start its own there",
			"Set nats.url to "+settings.URL+" to use that server, or give nats.embedded.listen another port."))
		return
	}
	b.add(finding.Good("nats", "connection", "connected to "+conn.NATS().ConnectedUrlRedacted()))
	b.add(inspectNATS(ctx, conn, cfg, o)...)
}

// inspectNATS looks at the server, the streams, the bucket and the consumers.
func inspectNATS(ctx context.Context, conn *broker.Conn, cfg *config.Config, o Options) []finding.Finding {
	found := broker.Inspect(ctx, conn, setup.Topology(cfg), broker.Inspection{CallLimits: callLimits(cfg), Embedded: cfg.NATS.Embedded != nil})
	return append(found, Syncing(ctx, o.MonitoringURL, cfg.NATS.Embedded != nil))
}

// connectNATS waits for a connection, but not for long: a check is for who looks on.
func connectNATS(ctx context.Context, s broker.Settings) (*broker.Conn, error) {
	var told faults
	s.OnError = told.note
	conn, err := broker.Connect(ctx, s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	if conn.WaitConnected(ctx) != nil {
		conn.Close()
		return nil, told.all()
	}
	return conn, nil
}

// faults are what went wrong, each once. It is safe for concurrent use.
type faults struct {
	mu   sync.Mutex
	told []error
}

func (f *faults) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, err)
}

// all is never nil: to hear nothing is a fault, too.
func (f *faults) all() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(append(f.told, broker.ErrDisconnected)...)
}

// unconnected says why there is no connection.
func (b *book) unconnected(err error, url string, embedded bool) {
	if fault, ok := errors.AsType[*broker.ConfigError](err); ok {
		b.misconfigured = true
		b.add(finding.Bad(finding.Error, "nats", "connection", trimmed(fault), correct))
		return
	}
	why, ok := broker.FaultOf(err)
	if !ok {
		why = broker.NoNATS
	}
	if embedded && why.Absent {
		b.add(finding.Bad(finding.Unknown, "nats", "streams", "no server at "+url+": the worker starts it; what is in it was not looked at",
			"Start the worker, and check once more while it runs."))
		return
	}
	b.add(finding.Bad(finding.Error, "nats", "connection", "no connection to "+url+": "+why.Detail, why.Remedy))
	b.add(finding.Bad(finding.Unknown, "nats", "streams", "the streams, the ledger and the consumers were not looked at: there is no connection",
		"Cure what is above, and check again."))
}

func trimmed(fault *broker.ConfigError) string { return strings.TrimPrefix(fault.Error(), "broker: ") }
