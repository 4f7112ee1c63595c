package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/setup"
)

// replayToken stands for a wildcard of a route's subject where a letter's own
// subject is not the route's.
const replayToken = "replay"

// destinations says where letters are replayed to.
type destinations struct {
	routes   []config.Route
	decoders []*request.Decoder // of the routes, in their order
	to       string             // the route to which all go; empty: to whichever takes the subject
}

// newDestinations is by a configuration; an error is a [*config.Error], or wrong
// use where there is no such route.
func newDestinations(cfg *config.Config, to string) (*destinations, error) {
	decoders, err := setup.Decoders(cfg)
	if err != nil {
		return nil, err
	}
	d := &destinations{routes: cfg.Routes, decoders: decoders, to: to}
	if to != "" && d.named(to) < 0 {
		return nil, &usageError{fmt.Errorf("--to-route: the configuration has no route %q; it has %s", to, d.names())}
	}
	return d, nil
}

func (d *destinations) named(name string) int {
	return slices.IndexFunc(d.routes, func(r config.Route) bool { return r.Name == name })
}

func (d *destinations) names() string {
	var names []string
	for _, r := range d.routes {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

// of is where the letter goes; the error says why it has nowhere to go.
func (d *destinations) of(ctx context.Context, s deadletter.Stored) (deadletter.Destination, error) {
	i := d.named(d.to)
	if d.to == "" {
		i = slices.IndexFunc(d.routes, func(r config.Route) bool { return r.Takes(s.Subject) })
	}
	if i < 0 {
		return deadletter.Destination{}, homeless(s)
	}
	route := d.routes[i]
	to := deadletter.Destination{Subject: s.Subject, RequestID: s.RequestID, Connection: route.Connection, Elsewhere: route.Name != s.Route}
	if own := d.named(s.Route); own >= 0 && d.routes[own].Connection != route.Connection {
		to.Origin = d.routes[own].Connection
	}
	if !route.Takes(to.Subject) {
		to.Subject = literal(route.Subjects[0])
	}
	if to.RequestID == "" {
		to.RequestID = identity(ctx, d.decoders[i], s)
	}
	return to, nil
}

func homeless(s deadletter.Stored) error {
	if s.Subject == "" {
		return errors.New("its subject is not known: name the route with --to-route")
	}
	return fmt.Errorf("no route takes its subject %s: name the route with --to-route", plain(s.Subject, ""))
}

// literal is a subject that the pattern matches.
func literal(pattern string) string {
	tokens := strings.Split(pattern, ".")
	for i, token := range tokens {
		if token == "*" || token == ">" {
			tokens[i] = replayToken
		}
	}
	return strings.Join(tokens, ".")
}

// identity is the id that the message itself has; empty where it has none and
// was named by its place in the stream, which is another one after a replay.
func identity(ctx context.Context, decoder *request.Decoder, s deadletter.Stored) string {
	m := request.Message{Subject: s.Subject, Header: s.Header, Data: s.Data, Stream: s.Stream, Sequence: s.Sequence}
	here, _, _ := decoder.Decode(ctx, m)
	m.Sequence++
	if elsewhere, _, _ := decoder.Decode(ctx, m); elsewhere.ID != here.ID {
		return ""
	}
	return here.ID
}
