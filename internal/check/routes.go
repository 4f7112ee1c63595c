package check

import (
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
)

// ackMargin is by how much ack_wait should outlast a call.
const ackMargin = 10 * time.Second

// offlineRoutes is what the file alone tells of the routes.
func offlineRoutes(cfg *config.Config) []finding.Finding {
	var all []finding.Finding
	for _, r := range cfg.Routes {
		subject := "route " + r.Name
		if r.Pause {
			all = append(all, finding.Bad(finding.Warning, subject, "pause", "it pulls nothing: pause is true",
				"Remove pause when the maintenance is over, and restart the worker."))
		}
		timeout := timeoutOf(cfg, r)
		if r.AckWait > timeout {
			all = append(all, finding.Good(subject, "ack_wait", fmt.Sprintf("%v outlasts the time-out of a call, %v", r.AckWait, timeout)))
			continue
		}
		all = append(all, finding.Bad(finding.Warning, subject, "ack_wait",
			fmt.Sprintf("%v does not outlast a call, which may take %v: if an in-progress ack is late, another worker gets the message while the call is under way", r.AckWait, timeout),
			fmt.Sprintf("Set ack_wait of the route to %v or more, or lower timeout of connection %s.", timeout+ackMargin, r.Connection)))
	}
	return all
}

func timeoutOf(cfg *config.Config, r config.Route) time.Duration {
	for _, c := range cfg.Connections {
		if c.Name == r.Connection {
			return c.Timeout
		}
	}
	return 0
}

// callLimits are the limits of a call, by route, which is the consumer's name.
func callLimits(cfg *config.Config) map[string]time.Duration {
	limits := map[string]time.Duration{}
	for _, r := range cfg.Routes {
		limits[r.Name] = timeoutOf(cfg, r)
	}
	return limits
}
