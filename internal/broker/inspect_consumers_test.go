package broker

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
)

// Each case makes the consumer of a route by hand, differently.
func TestInspectFindsFaultsOfConsumers(t *testing.T) {
	t.Parallel()
	type config = jetstream.ConsumerConfig
	type wrong = map[string]finding.Status
	const warning, fault = finding.Warning, finding.Error
	tests := map[string]struct {
		change func(*config)
		want   wrong
	}{
		"as it should be": {func(*config) {}, wrong{}},
		"other subjects":  {func(c *config) { c.FilterSubjects = []string{"jobs.a.1"} }, wrong{"consumer alpha/filter": fault}},
		"max deliver":     {func(c *config) { c.MaxDeliver = 5 }, wrong{"consumer alpha/max deliver": warning}},
		"backoff": {
			func(c *config) { c.MaxDeliver, c.BackOff = 5, []time.Duration{30 * time.Second} },
			wrong{"consumer alpha/max deliver": warning, "consumer alpha/backoff": warning},
		},
		"ack wait":         {func(c *config) { c.AckWait = 15 * time.Second }, wrong{"consumer alpha/ack wait": warning, "consumer alpha/call time": warning}},
		"max ack pending":  {func(c *config) { c.MaxAckPending = 1 }, wrong{"consumer alpha/max ack pending": warning}},
		"goes when unused": {func(c *config) { c.InactiveThreshold = time.Hour }, wrong{"consumer alpha/inactive threshold": warning}},
		"in memory":        {func(c *config) { c.MemoryStorage = true }, wrong{"consumer alpha/storage": warning}},
		"slow":             {func(c *config) { c.ReplayPolicy = jetstream.ReplayOriginalPolicy }, wrong{"consumer alpha/rate": warning}},
		"small batches":    {func(c *config) { c.MaxRequestBatch = 1 }, wrong{"consumer alpha/pull limits": warning}},
		"paused":           {func(c *config) { later := time.Now().Add(time.Hour); c.PauseUntil = &later }, wrong{"consumer alpha/paused": warning}},
		"headers only":     {func(c *config) { c.HeadersOnly = true }, wrong{"consumer alpha/headers only": fault}},
		"push":             {func(c *config) { c.DeliverSubject = "inbox" }, wrong{"consumer alpha/pull": fault}},
		"priority": {func(c *config) {
			c.PriorityPolicy, c.PriorityGroups = jetstream.PriorityPolicyOverflow, []string{"g"}
		}, wrong{"consumer alpha/priority policy": fault}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t)
			js := s.JetStream(t)
			topology := sample()
			alpha := topology.Consumers[0]
			topology.Consumers = topology.Consumers[1:]
			mustEnsure(t, js, topology)
			c := alpha.config()
			tt.change(&c)
			makeConsumer(t, js, c)
			found := Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), sample(),
				Inspection{CallLimits: map[string]time.Duration{"alpha": 20 * time.Second}})
			wantBad(t, found, besides(tt.want))
		})
	}
}

// Of a consumer that the server holds back: until when, and how to end that.
func TestInspectTellsHowAPauseEnds(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	js := s.JetStream(t)
	mustEnsure(t, js, sample())
	until := time.Date(2099, 1, 31, 6, 0, 0, 0, time.FixedZone("east", 3600))
	if _, err := js.PauseConsumer(t.Context(), "JOBS", "alpha", until); err != nil {
		t.Fatal(err)
	}
	for _, f := range Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), sample(), Inspection{}) {
		if f.Check != "paused" {
			continue
		}
		if f.Status != finding.Warning || !strings.Contains(f.Detail, "until 2099-01-31T05:00:00Z") || !strings.Contains(f.Remedy, "nats consumer resume JOBS alpha") {
			t.Errorf("%+v", f)
		}
		return
	}
	t.Error("nothing is said of it")
}

func TestInspectFindsVanishedConsumers(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	js := s.JetStream(t)
	mustEnsure(t, js, sample())
	if _, err := js.Publish(t.Context(), "jobs.b", nil); err != nil { // waits for beta, and is no orphan
		t.Fatal(err)
	}
	if err := js.DeleteConsumer(t.Context(), "JOBS", "beta"); err != nil {
		t.Fatal(err)
	}
	c := connect(t, Settings{URL: s.URL()})
	for create, status := range map[bool]finding.Status{true: finding.Unknown, false: finding.Error} {
		topology := sample()
		topology.Create = create
		wantBad(t, Inspect(t.Context(), c, topology, Inspection{}), besides(map[string]finding.Status{"consumer beta/existence": status}))
	}
}

// A consumer with as many messages in hand as it may have gives no more.
func TestInspectFindsAFullHand(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	js := s.JetStream(t)
	topology := sample()
	topology.Consumers[1].MaxAckPending = 1
	mustEnsure(t, js, topology)
	if _, err := js.Publish(t.Context(), "jobs.b", nil); err != nil {
		t.Fatal(err)
	}
	beta, err := js.Consumer(t.Context(), "JOBS", "beta")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := beta.Next(jetstream.FetchMaxWait(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	found := Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), topology, Inspection{})
	wantBad(t, found, besides(map[string]finding.Status{"consumer beta/backlog": finding.Warning}))
}

func TestInspectFindsWhatNoRouteTakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stored  []string // subjects of the stream
		left    string   // subject of a consumer that no route has
		without string   // a route that is not made
		message string   // what is published
		want    map[string]finding.Status
	}{
		"parts of a subject": {stored: []string{"jobs.>"}, want: map[string]finding.Status{}},
		"a subject":          {stored: []string{"jobs.>", "orders.>"}, want: map[string]finding.Status{"stream JOBS/unrouted subjects": finding.Warning}},
		"a message":          {stored: []string{"jobs.>"}, message: "jobs.c", want: map[string]finding.Status{"stream JOBS/unrouted messages": finding.Error}},
		"an old consumer":    {stored: []string{"jobs.>"}, left: "jobs.c", want: map[string]finding.Status{"consumer old/route": finding.Warning}},
		"and its message":    {stored: []string{"jobs.>"}, left: "jobs.c", message: "jobs.c", want: map[string]finding.Status{"consumer old/route": finding.Error}},
		"in the way": {
			stored: []string{"jobs.>"}, left: "jobs.a.>", without: "alpha",
			want: map[string]finding.Status{"consumer old/route": finding.Error, "consumer alpha/existence": finding.Unknown},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t)
			js := s.JetStream(t)
			topology := sample()
			topology.Stream.Subjects = tt.stored
			mustEnsure(t, js, topology)
			if tt.without != "" {
				if err := js.DeleteConsumer(t.Context(), "JOBS", tt.without); err != nil {
					t.Fatal(err)
				}
			}
			if tt.left != "" {
				makeConsumer(t, js, Consumer{Name: "old", Subjects: []string{tt.left}, AckWait: time.Second}.config())
			}
			if tt.message != "" {
				if _, err := js.Publish(t.Context(), tt.message, nil); err != nil {
					t.Fatal(err)
				}
			}
			wantBad(t, Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), topology, Inspection{}), besides(tt.want))
		})
	}
}

// What only the traffic of a busy stream shows is no orphan; what stays is, at
// the least that was seen.
func TestLasting(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		seen  []uint64 // the last one from then on
		want  uint64
		looks int
	}{
		"none":      {[]uint64{0}, 0, 1},
		"traffic":   {[]uint64{2, 1, 0}, 0, 3},
		"it stays":  {[]uint64{3}, 3, looks},
		"with some": {[]uint64{5, 3, 4}, 3, looks},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				got, err := lasting(t.Context(), func() (uint64, error) {
					n++
					return tt.seen[min(n, len(tt.seen))-1], nil
				})
				if got != tt.want || err != nil || n != tt.looks {
					t.Errorf("%d after %d looks, %v", got, n, err)
				}
			})
		})
	}
}
