package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/deadletter"
)

func TestDestinations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to, subject, id, data string
		header                map[string][]string
		want                  deadletter.Destination
		err                   string
	}{
		"its own subject":        {subject: "jobs.invoices.a.b", id: "x", want: deadletter.Destination{Subject: "jobs.invoices.a.b", RequestID: "x", Connection: "acme"}},
		"the second route's":     {subject: "jobs.orders.5.new", id: "x", want: deadletter.Destination{Subject: "jobs.orders.5.new", RequestID: "x", Connection: "acme", Elsewhere: true}},
		"to its own route":       {to: "orders", subject: "jobs.orders.5.new", id: "x", want: deadletter.Destination{Subject: "jobs.orders.5.new", RequestID: "x", Connection: "acme", Elsewhere: true}},
		"to another route":       {to: "orders", subject: "jobs.invoices.a", id: "x", want: deadletter.Destination{Subject: "jobs.orders.replay.new", RequestID: "x", Connection: "acme", Elsewhere: true}},
		"to another with a rest": {to: "invoices", subject: "elsewhere", id: "x", want: deadletter.Destination{Subject: "jobs.invoices.replay", RequestID: "x", Connection: "acme"}},
		"no route's":             {subject: "jobs.old", err: "no route takes its subject jobs.old: name the route with --to-route"},
		"no subject":             {err: "its subject is not known: name the route with --to-route"},
		"a wildcard":             {subject: "jobs.invoices.>", err: "no route takes"},
		"a hostile one":          {subject: "jobs.invoices.\x1b[2J", err: `no route takes its subject jobs.invoices.\x1b[2J`},
		"no subject, to a route": {to: "invoices", id: "x", want: deadletter.Destination{Subject: "jobs.invoices.replay", RequestID: "x", Connection: "acme"}},
		"the id is in the payload": {
			subject: "jobs.invoices.a", data: `{"id": "inside"}`,
			want: deadletter.Destination{Subject: "jobs.invoices.a", RequestID: "inside", Connection: "acme"},
		},
		"the id was the message's": {
			subject: "jobs.invoices.a", data: `{}`, header: map[string][]string{"Nats-Msg-Id": {"outside"}},
			want: deadletter.Destination{Subject: "jobs.invoices.a", RequestID: "outside", Connection: "acme"},
		},
		"it was named by its place": {
			subject: "jobs.invoices.a", data: `{}`, want: deadletter.Destination{Subject: "jobs.invoices.a", Connection: "acme"},
		},
		"it cannot be read": {
			subject: "jobs.invoices.a", data: `{`, want: deadletter.Destination{Subject: "jobs.invoices.a", Connection: "acme"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := newDestinations(deskRoutes(t), c.to)
			if err != nil {
				t.Fatal(err)
			}
			s := deadletter.Stored{Letter: deadletter.Letter{Route: "invoices", Subject: c.subject, RequestID: c.id, Header: c.header, Data: []byte(c.data), Stream: "JOBS", Sequence: 7}}
			got, err := d.of(t.Context(), s)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v", err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

// The claim of a request is under the connection of the route that it came from.
func TestADestinationOfAnotherConnection(t *testing.T) {
	t.Parallel()
	d := &destinations{to: "b", routes: []config.Route{
		{Name: "a", Connection: "own", Subjects: []string{"jobs.a"}}, {Name: "b", Connection: "other", Subjects: []string{"jobs.b"}},
	}}
	got, err := d.of(t.Context(), deadletter.Stored{Letter: deadletter.Letter{Route: "a", Subject: "jobs.a", RequestID: "x"}})
	want := deadletter.Destination{Subject: "jobs.b", RequestID: "x", Connection: "other", Elsewhere: true, Origin: "own"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestAnUnknownDestination(t *testing.T) {
	t.Parallel()
	_, err := newDestinations(deskRoutes(t), "invoice")
	if err == nil || codeOf(err) != exitConfig || !strings.Contains(err.Error(), `no route "invoice"; it has invoices, orders`) {
		t.Errorf("%v", err)
	}
}

func deskRoutes(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.Parse("desk.yaml", []byte(strings.Replace(deskConfig, "%q", "nats://127.0.0.1:1", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
