package deadletter

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

// sight is the stream of requests at one moment, by its server's clock.
type sight struct {
	at      time.Time
	last    uint64
	lineage string
	window  time.Duration
}

func (u *run) look() (sight, error) {
	info, err := streamInfo(u.books, u.requests, u.Stream)
	if err != nil {
		return sight{}, err
	}
	return sight{
		at: info.TimeStamp, last: info.State.LastSeq, window: info.Config.Duplicates,
		lineage: lineage(info, u.JetStream.Conn()),
	}, nil
}

// covers reports whether the server surely knows by its duplicate window what was
// published of a batch.
func (s sight) covers(b ledger.ReplayBatch) bool {
	return b.Lineage != "" && b.Lineage == s.lineage && s.at.Sub(b.First)+lateness < s.window
}

// lineage names the stream and the server that remembers what it took, as long
// as it runs and leads.
func lineage(info *jetstream.StreamInfo, nc *nats.Conn) string {
	c := info.Cluster
	switch {
	case c == nil:
		return ""
	case c.LeaderSince != nil:
		return fmt.Sprintf("%d %s %d", info.Created.UnixNano(), c.Leader, c.LeaderSince.UnixNano())
	case c.Leader != "" && c.Leader == nc.ConnectedServerName():
		return fmt.Sprintf("%d %s", info.Created.UnixNano(), nc.ConnectedServerId())
	}
	return ""
}
