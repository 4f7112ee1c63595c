package worker

import (
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/admin"
	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// stuck is how long a route's loop may stand still before /livez says so.
const stuck = 30 * time.Second

// running are the routes, once there are any.
func (w *worker) running() []*route {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.routes
}

// broker is the connection to NATS; nil before there is one.
func (w *worker) broker() *broker.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nats
}

func (w *worker) connected() bool {
	b := w.broker()
	return b != nil && b.Connected()
}

// live asks nothing outside of the process.
func (w *worker) live() error {
	if w.isStopping() {
		return nil
	}
	for _, r := range w.running() {
		if stood := time.Since(r.consumer.LastBeat()); stood > stuck {
			return fmt.Errorf("route %s: its loop has not turned for %s", r.name, stood.Round(time.Second))
		}
	}
	return nil
}

// ready reports whether every route can take messages.
func (w *worker) ready() bool {
	routes := w.running()
	if w.isStopping() || !w.connected() || len(routes) == 0 {
		return false
	}
	for _, r := range routes {
		if !r.consumer.Ready() {
			return false
		}
	}
	return true
}

// readiness lists what someone should know, the worst first.
func (w *worker) readiness() admin.Readiness {
	r := admin.Readiness{Ready: w.ready()}
	if w.isStopping() {
		r.Problems = append(r.Problems, admin.Problem{What: "worker", Reason: string(job.Stopping)})
	}
	r.Problems = append(r.Problems, w.natsProblems()...)
	r.Problems = append(r.Problems, w.troubles.problems()...)
	for _, c := range w.connections {
		r.Problems = append(r.Problems, connectionProblems(c)...)
	}
	for _, route := range w.running() {
		if h := route.consumer.Hold(); h.Held {
			r.Problems = append(r.Problems, admin.Problem{What: "route " + route.name, Since: h.Since, Reason: string(h.Reason), Detail: h.Detail})
		}
	}
	return r
}

func (w *worker) natsProblems() (all []admin.Problem) {
	routes := w.running()
	if !w.connected() {
		w.mu.Lock()
		defer w.mu.Unlock()
		return []admin.Problem{{What: "nats", Since: w.down, Reason: "disconnected", Detail: "no connection to NATS; the worker keeps trying"}}
	}
	if len(routes) == 0 {
		return []admin.Problem{{What: "nats", Reason: "starting", Detail: "the stream and the consumers are not there yet; the log says why under nats.error"}}
	}
	for _, r := range routes {
		if !r.consumer.Ready() {
			all = append(all, admin.Problem{What: "route " + r.name, Reason: "consumer_lost", Detail: "its durable consumer is not there; the worker keeps trying to find or make it"})
		}
	}
	return all
}

func connectionProblems(c *connection) (all []admin.Problem) {
	if g := c.target.Gate(); !g.Open {
		all = append(all, admin.Problem{What: "gate " + c.name, Since: g.Since, Reason: string(g.Reason), Detail: g.Detail})
	}
	for _, credential := range c.pool.State().Credentials {
		if credential.Reason != "" {
			all = append(all, admin.Problem{
				What: "credential " + c.name + "/" + credential.Name, Since: credential.Since,
				Reason: string(credential.Reason), Detail: credential.Detail,
			})
		}
	}
	return all
}

// The status page.
type (
	status struct {
		Version     string             `json:"version"`
		Ready       bool               `json:"ready"`
		NATS        natsStatus         `json:"nats"`
		Routes      []routeStatus      `json:"routes"`
		Connections []connectionStatus `json:"connections"`
	}
	natsStatus struct {
		Connected bool   `json:"connected"`
		Server    string `json:"server,omitempty"`
		Stream    string `json:"stream"`
	}
	routeStatus struct {
		Name       string     `json:"name"`
		Connection string     `json:"connection"`
		Ready      bool       `json:"ready"`
		Paused     bool       `json:"paused,omitempty"`
		InHand     int        `json:"in_hand"`
		Pending    int        `json:"pending"`
		HeldSince  *time.Time `json:"held_since,omitempty"`
		HeldFor    job.Reason `json:"held_for,omitempty"`
	}
	connectionStatus struct {
		Name   string             `json:"name"`
		Gate   string             `json:"gate"`
		Since  time.Time          `json:"since"`
		Reason job.Reason         `json:"reason,omitempty"`
		Detail string             `json:"detail,omitempty"`
		Until  *time.Time         `json:"not_before,omitempty"`
		Held   int                `json:"held"`
		Calls  int                `json:"calls"`
		Limit  int                `json:"calls_limit"`
		Tokens []credentialStatus `json:"credentials"`
	}
	credentialStatus struct {
		Name      string     `json:"name"`
		Status    string     `json:"status"`
		AgeS      int        `json:"token_age_s"`
		Expires   *time.Time `json:"token_expires,omitempty"`
		NextTry   *time.Time `json:"next_try,omitempty"`
		Reason    job.Reason `json:"reason,omitempty"`
		ErrorCode string     `json:"error_code,omitempty"`
		InFlight  int64      `json:"in_flight"`
	}
)

func (w *worker) status() status {
	s := status{Version: telemetry.ReadBuild().Version, Ready: w.ready(), NATS: natsStatus{Stream: w.config.Stream.Name}}
	if w.connected() {
		s.NATS.Connected, s.NATS.Server = true, w.broker().NATS().ConnectedUrlRedacted()
	}
	for i, r := range w.running() {
		h := r.consumer.Hold()
		route := routeStatus{
			Name: r.name, Connection: r.connection, Ready: r.consumer.Ready(), Paused: w.config.Routes[i].Pause,
			InHand: r.consumer.InHand(), Pending: r.consumer.Pending(), HeldFor: h.Reason,
		}
		if h.Held {
			route.HeldSince = when(h.Since)
		}
		s.Routes = append(s.Routes, route)
	}
	for _, c := range w.connections {
		s.Connections = append(s.Connections, statusOf(c))
	}
	return s
}

func statusOf(c *connection) connectionStatus {
	g := c.target.Gate()
	s := connectionStatus{
		Name: c.name, Gate: "shut", Since: g.Since.UTC(), Reason: g.Reason, Detail: g.Detail,
		Until: when(g.Until), Held: g.Held, Calls: g.Calls, Limit: g.Limit,
	}
	if g.Open {
		s.Gate = "open"
	}
	for _, credential := range c.pool.State().Credentials {
		s.Tokens = append(s.Tokens, tokenStatus(credential))
	}
	return s
}

func tokenStatus(c authpool.CredentialState) credentialStatus {
	return credentialStatus{
		Name: c.Name, Status: string(c.Status), AgeS: int(c.Age / time.Second), Expires: when(c.Expiry),
		NextTry: when(c.NextTry), Reason: c.Reason, ErrorCode: c.Code, InFlight: c.InFlight,
	}
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
