package broker

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

// enough is how many replicas survive the loss of one without an outage.
const enough = 3

// group looks at the servers that keep a stream or a consumer. A server that is
// alone names none.
func group(subject string, c *jetstream.ClusterInfo) finding.Finding {
	if c == nil {
		return finding.Good(subject, "leader", "one server")
	}
	if c.Leader == "" {
		return finding.Bad(finding.Error, subject, "leader", "it has none: nothing is stored or delivered",
			"bring enough servers of the cluster up for a majority")
	}
	var behind []string
	for _, peer := range c.Replicas {
		switch {
		case peer.Offline:
			behind = append(behind, peer.Name+" is offline")
		case !peer.Current:
			behind = append(behind, fmt.Sprintf("%s lags by %d", peer.Name, peer.Lag))
		}
	}
	if len(behind) > 0 {
		return finding.Bad(finding.Warning, subject, "leader",
			"it has a leader, but "+strings.Join(behind, ", "), "see to these servers: until they are current, a further loss stops or loses more")
	}
	if len(c.Replicas) == 0 {
		return finding.Good(subject, "leader", c.Leader)
	}
	return finding.Good(subject, "leader", fmt.Sprintf("%s, and %d others are current", c.Leader, len(c.Replicas)))
}

// redundancy warns of a stream that one disk can take along, unless its server
// cannot be other than alone.
func redundancy(subject string, have jetstream.StreamConfig, embedded bool) finding.Finding {
	detail := fmt.Sprintf("%d replicas", have.Replicas)
	const remedy = "use a cluster of three servers or more, set stream.replicas to 3, and raise the replicas of the stream that exists"
	switch {
	case have.Replicas >= enough:
		return finding.Good(subject, "redundancy", detail)
	case embedded:
		return finding.Good(subject, "redundancy", "1 replica, in the store of the worker: back it up")
	case have.Replicas <= 1:
		return finding.Bad(finding.Warning, subject, "redundancy", "1 replica: a lost disk loses what is in it, and a server that is down stops it", remedy)
	}
	return finding.Bad(finding.Warning, subject, "redundancy", detail+": with one server down there is no majority, and nothing is stored", remedy)
}

// fullness says what is in a stream, and how near it is to its limits.
func fullness(subject string, info *jetstream.StreamInfo) finding.Finding {
	s, c := info.State, info.Config
	detail := fmt.Sprintf("%d, %d bytes", s.Msgs, s.Bytes)
	full := 0
	if c.MaxBytes > 0 {
		full = share(s.Bytes, uint64(c.MaxBytes))
	}
	if c.MaxMsgs > 0 {
		full = max(full, share(s.Msgs, uint64(c.MaxMsgs)))
	}
	if full >= nearlyFull {
		return finding.Bad(finding.Warning, subject, "messages", fmt.Sprintf("%s: %d%% of its limit", detail, full),
			"see why they are not taken, purge what is not needed, or raise its max_bytes or max_msgs")
	}
	return finding.Good(subject, "messages", detail)
}

// skew compares the server's clock with ours. Claims on jobs bear times of the
// worker that made them, and another worker judges them by its own clock: what
// two workers differ must stay below the smallest ack_wait, so one may differ by
// half of it. What the request itself took counts for nobody.
func skew(least time.Duration, sent, received, server time.Time) finding.Finding {
	took := received.Sub(sent)
	off := server.Sub(sent.Add(took / 2))
	detail := fmt.Sprintf("the server's clock is %v ahead of ours", off.Round(time.Millisecond))
	if off < 0 {
		detail = fmt.Sprintf("the server's clock is %v behind ours", (-off).Round(time.Millisecond))
	}
	if off.Abs()-took/2 > least/2 {
		return finding.Bad(finding.Warning, subjectNATS, "clock",
			fmt.Sprintf("%s: more than half of the ack_wait of %v, by which workers judge each other's claims on jobs", detail, least),
			"synchronise the clocks of all machines (NTP)")
	}
	return finding.Good(subjectNATS, "clock", detail)
}

// leastAckWait is the smallest of the routes.
func leastAckWait(all []Consumer) time.Duration {
	const byDefault = 30 * time.Second // of the server and of a route
	least := byDefault
	for n, c := range all {
		if n == 0 || c.AckWait < least {
			least = c.AckWait
		}
	}
	return least
}
