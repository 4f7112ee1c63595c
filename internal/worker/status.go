package worker

import (
	"time"

	"github.com/queueferry/queueferry/internal/admin"
	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/consumer"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// The status page. Its keys are what operators build on: testdata/status.golden
// has them all. The summary comes first, so that the head of the page says it all.
type (
	status struct {
		Summary     string             `json:"summary"`
		Ready       bool               `json:"ready"`
		Version     string             `json:"version"`
		StartedAt   *time.Time         `json:"started_at"`
		Uptime      string             `json:"uptime"`
		Host        string             `json:"host"`
		NATS        natsStatus         `json:"nats"`
		Routes      []routeStatus      `json:"routes"`
		Connections []connectionStatus `json:"connections"`
		Troubles    []troubleStatus    `json:"troubles"`
	}
	natsStatus struct {
		Connected bool       `json:"connected"`
		Server    string     `json:"server,omitempty"`
		Since     *time.Time `json:"since,omitempty"` // connected, or not
		LastError string     `json:"last_error,omitempty"`
		ErrorAt   *time.Time `json:"last_error_at,omitempty"`
		Stream    string     `json:"stream"`
	}
	routeStatus struct {
		Name          string            `json:"name"`
		State         routeState        `json:"state"`
		Connection    string            `json:"connection"`
		Ready         bool              `json:"ready"`
		Paused        bool              `json:"paused,omitempty"`
		InHand        int               `json:"in_hand"`
		Held          int               `json:"held"`
		Pending       int               `json:"pending"`
		AckPending    int               `json:"ack_pending"`
		HeldSince     *time.Time        `json:"held_since,omitempty"`
		HeldFor       job.Reason        `json:"held_for,omitempty"`
		Detail        string            `json:"detail,omitempty"`
		NextTry       *time.Time        `json:"next_try,omitempty"`
		LostSince     *time.Time        `json:"lost_since,omitempty"` // its durable consumer
		LastDelivered *time.Time        `json:"last_delivered,omitempty"`
		Verdicts      map[string]int    `json:"verdicts"`
		DeadLetters   deadLettersStatus `json:"dead_letters"`
	}
	deadLettersStatus struct {
		Count      int        `json:"count"`
		LastReason job.Reason `json:"last_reason,omitempty"`
		LastAt     *time.Time `json:"last_at,omitempty"`
	}
	connectionStatus struct {
		Name    string             `json:"name"`
		Gate    string             `json:"gate"`
		Since   time.Time          `json:"since"`
		Reason  job.Reason         `json:"reason,omitempty"`
		Detail  string             `json:"detail,omitempty"`
		Until   *time.Time         `json:"not_before,omitempty"`
		Circuit string             `json:"circuit"`
		Held    int                `json:"held"`
		Calls   int                `json:"calls"`
		Limit   int                `json:"calls_limit"`
		Tokens  []credentialStatus `json:"credentials"`
	}
	credentialStatus struct {
		Name       string     `json:"name"`
		Status     string     `json:"status"`
		Since      *time.Time `json:"since,omitempty"`
		AgeS       int        `json:"token_age_s"`
		Expires    *time.Time `json:"token_expires,omitempty"`
		NextTry    *time.Time `json:"next_try,omitempty"`
		Reason     job.Reason `json:"reason,omitempty"`
		ErrorCode  string     `json:"error_code,omitempty"`
		HTTPStatus int        `json:"http_status,omitempty"`
		Detail     string     `json:"detail,omitempty"`
		InFlight   int64      `json:"in_flight"`
	}
	troubleStatus struct {
		Part  string     `json:"part"`
		Since *time.Time `json:"since"`
		Error string     `json:"error"`
	}
)

// routeState is how a route stands, in a word.
type routeState string

// The states. Of several that apply it is the first.
const (
	resting        routeState = "paused"           // the configuration has pause: true
	disconnected   routeState = "disconnected"     // from NATS
	starting       routeState = "starting"         // what must exist on the server is not there yet
	consumerLost   routeState = "consumer_lost"    // its durable consumer is not there
	held           routeState = "held"             // its folder is refused, or its guard has tripped
	waitingForGate routeState = "waiting_for_gate" // the gate of its connection is shut
	delivering     routeState = "delivering"       // it has messages
	idle           routeState = "idle"             // it has none
)

func (w *worker) status() status {
	now := time.Now()
	s := status{
		Ready: w.ready(), Version: telemetry.ReadBuild().Version, StartedAt: when(w.started), Uptime: admin.Span(now.Sub(w.started)),
		Host: w.host, NATS: w.natsStatus(), Troubles: w.troubles.status(),
	}
	open := map[string]bool{}
	for _, c := range w.connections {
		g := w.glance(c)
		open[c.name] = g.gate.Open
		s.Connections = append(s.Connections, connectionStatusOf(g))
	}
	running := w.running()
	for i, r := range w.config.Routes {
		if i >= len(running) {
			s.Routes = append(s.Routes, w.notRunning(r))
			continue
		}
		s.Routes = append(s.Routes, routeStatusOf(r, running[i].consumer.State(), w.connected(), open[r.Connection]))
	}
	s.Summary = summary(s.Routes, w.faults(), now)
	return s
}

func (w *worker) natsStatus() natsStatus {
	link := w.linkNow()
	s := natsStatus{Stream: w.config.Stream.Name, Since: when(link.since), LastError: link.err, ErrorAt: when(link.errAt)}
	if w.connected() {
		s.Connected, s.Server = true, w.broker().NATS().ConnectedUrlRedacted()
	}
	return s
}

// notRunning is a route before what it needs on the server is there.
func (w *worker) notRunning(r config.Route) routeStatus {
	s := routeStatus{Name: r.Name, State: starting, Connection: r.Connection, Paused: r.Pause, Verdicts: map[string]int{}}
	switch {
	case r.Pause:
		s.State = resting
	case !w.connected():
		s.State = disconnected
	}
	return s
}

func routeStatusOf(r config.Route, now consumer.State, connected, open bool) routeStatus {
	h := now.History
	s := routeStatus{
		Name: r.Name, State: stateOf(r.Pause, connected, open, now), Connection: r.Connection, Ready: now.Missing == nil, Paused: r.Pause,
		InHand: now.InHand, Held: now.Held, Pending: now.Pending, AckPending: now.AckPending,
		LastDelivered: when(h.LastDelivered), Verdicts: map[string]int{},
		DeadLetters: deadLettersStatus{Count: h.DeadLetters, LastReason: h.LastReason, LastAt: when(h.LastDead)},
	}
	for verdict, n := range h.Verdicts {
		s.Verdicts[verdict.String()] = n
	}
	if now.Hold.Held {
		s.HeldSince, s.HeldFor, s.Detail, s.NextTry = when(now.Hold.Since), now.Hold.Reason, now.Hold.Detail, when(now.Hold.Until)
	}
	if now.Missing != nil {
		s.LostSince = when(now.Missing.Since)
	}
	return s
}

func stateOf(paused, connected, open bool, now consumer.State) routeState {
	switch {
	case paused:
		return resting
	case !connected:
		return disconnected
	case now.Missing != nil:
		return consumerLost
	case now.Hold.Held:
		return held
	case !open:
		return waitingForGate
	case now.InHand > 0 || now.Pending > 0:
		return delivering
	}
	return idle
}

func connectionStatusOf(g glance) connectionStatus {
	s := connectionStatus{
		Name: g.name, Gate: "shut", Since: g.gate.Since.UTC().Truncate(time.Second), Reason: g.gate.Reason, Detail: g.gate.Detail,
		Until: when(g.gate.Until), Circuit: g.circuit, Held: g.gate.Held, Calls: g.gate.Calls, Limit: g.gate.Limit,
	}
	if g.gate.Open {
		s.Gate = "open"
	}
	for _, credential := range g.tokens.Credentials {
		s.Tokens = append(s.Tokens, tokenStatus(credential))
	}
	return s
}

func tokenStatus(c authpool.CredentialState) credentialStatus {
	return credentialStatus{
		Name: c.Name, Status: string(c.Status), Since: when(c.Since), AgeS: int(c.Age / time.Second), Expires: when(c.Expiry),
		NextTry: when(c.NextTry), Reason: c.Reason, ErrorCode: c.Code, HTTPStatus: c.HTTPStatus, Detail: c.Detail, InFlight: c.InFlight,
	}
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
