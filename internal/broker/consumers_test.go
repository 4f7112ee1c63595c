package broker

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/natstest"
)

// Each case makes the consumer of a route by hand, differently.
func TestEnsureConsumerChecks(t *testing.T) {
	t.Parallel()
	route := Consumer{Name: "alpha", Subjects: []string{"jobs.b", "jobs.a.>"}, AckWait: 30 * time.Second, MaxAckPending: 1000}
	type config = jetstream.ConsumerConfig
	tests := map[string]struct {
		change func(*config)
		limits bool // the stream's retention: what a work queue does not allow
		warns  []string
		fails  []string
	}{
		"as it should be":   {change: func(*config) {}},
		"other order":       {change: func(c *config) { c.FilterSubjects = []string{"jobs.a.>", "jobs.b"} }},
		"fewer subjects":    {change: func(c *config) { c.FilterSubjects = []string{"jobs.b"} }, fails: []string{"takes [jobs.b]", "the route says [jobs.b jobs.a.>]", "delete the consumer"}},
		"one filter":        {change: func(c *config) { c.FilterSubjects, c.FilterSubject = nil, "jobs.c" }, fails: []string{"takes [jobs.c]"}},
		"no filter":         {change: func(c *config) { c.FilterSubjects = nil }, fails: []string{"takes [>]"}},
		"max deliver":       {change: func(c *config) { c.MaxDeliver = 5 }, warns: []string{"max_deliver 5: a message"}},
		"backoff":           {change: func(c *config) { c.MaxDeliver, c.BackOff = 5, []time.Duration{30 * time.Second} }, warns: []string{"max_deliver", "backoff"}},
		"ack wait":          {change: func(c *config) { c.AckWait = time.Minute }, warns: []string{"ack_wait 1m0s, not the 30s"}},
		"max ack pending":   {change: func(c *config) { c.MaxAckPending = 1 }, warns: []string{"max_ack_pending 1, not the 1000"}},
		"goes when unused":  {change: func(c *config) { c.InactiveThreshold = time.Hour }, warns: []string{"not used for 1h0m0s"}},
		"in memory":         {change: func(c *config) { c.MemoryStorage = true }, warns: []string{"in memory"}},
		"slow":              {change: func(c *config) { c.ReplayPolicy = jetstream.ReplayOriginalPolicy }, warns: []string{"limited rate"}},
		"small batches":     {change: func(c *config) { c.MaxRequestBatch = 1 }, warns: []string{"limits how much"}},
		"paused":            {change: func(c *config) { later := time.Now().Add(time.Hour); c.PauseUntil = &later }, warns: []string{"for another 1h0m0s"}},
		"new messages only": {limits: true, change: func(c *config) { c.DeliverPolicy = jetstream.DeliverNewPolicy }, warns: []string{"deliver policy"}},
		"acks all":          {limits: true, change: func(c *config) { c.AckPolicy = jetstream.AckAllPolicy }, fails: []string{"ack policy explicit"}},
		"acks none":         {limits: true, change: func(c *config) { c.AckPolicy, c.MaxAckPending = jetstream.AckNonePolicy, 0 }, fails: []string{"ack policy explicit"}},
		"headers only":      {change: func(c *config) { c.HeadersOnly = true }, fails: []string{"headers only"}},
		"priority": {
			change: func(c *config) {
				c.PriorityPolicy, c.PriorityGroups = jetstream.PriorityPolicyOverflow, []string{"g"}
			},
			fails: []string{"priority policy"},
		},
		"push": {change: func(c *config) { c.DeliverSubject = "inbox" }, fails: []string{"push consumer"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := natstest.Start(t).JetStream(t)
			stream := jetstream.StreamConfig{Name: "JOBS", Subjects: []string{"jobs.>"}, Retention: jetstream.WorkQueuePolicy}
			if tt.limits {
				stream.Retention = jetstream.LimitsPolicy
			}
			if _, err := js.CreateStream(t.Context(), stream); err != nil {
				t.Fatal(err)
			}
			c := route.config()
			tt.change(&c)
			makeConsumer(t, js, c)

			warnings, err := EnsureConsumer(t.Context(), js, "JOBS", route, true)
			wantWarnings(t, warnings, tt.warns)
			if tt.fails != nil {
				wantConfigError(t, err, append(tt.fails, "consumer alpha of stream JOBS")...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func makeConsumer(t *testing.T, js jetstream.JetStream, c jetstream.ConsumerConfig) {
	t.Helper()
	var err error
	if c.DeliverSubject != "" {
		_, err = js.CreatePushConsumer(t.Context(), "JOBS", c)
	} else {
		_, err = js.CreateConsumer(t.Context(), "JOBS", c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A route that was renamed leaves its consumer behind, and a work queue gives no
// subject to two.
func TestRenamedRoute(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	topology := sample()
	mustEnsure(t, js, topology)
	topology.Consumers[0].Name = "renamed"
	_, err := Ensure(t.Context(), js, topology)
	wantConfigError(t, err, "consumer renamed of stream JOBS", "alpha takes [jobs.a.>]", "delete it")
}

func TestConsumerOfNoStream(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	_, err := EnsureConsumer(t.Context(), js, "JOBS", sample().Consumers[0], true)
	if err == nil || isConfigError(err) {
		t.Errorf("error %v, want one that passes when the stream is there", err)
	}
}

func TestOrphans(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	topology := sample()
	topology.Stream.Subjects = []string{"jobs.>"}
	if _, err := Ensure(t.Context(), js, topology); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"jobs.a.1", "jobs.a.2", "jobs.b", "jobs.c", "jobs.c.d"} {
		if _, err := js.Publish(t.Context(), subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	c, err := js.Consumer(t.Context(), "JOBS", "beta")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(jetstream.FetchMaxWait(20 * time.Second)); err != nil { // in hand is not orphaned
		t.Fatal(err)
	}
	n, err := Orphans(t.Context(), js, "JOBS")
	if err != nil {
		t.Fatal(err)
	}
	if n != 2 {
		t.Errorf("%d orphans, want 2", n)
	}
	if n, err := Orphans(t.Context(), js, "JOBS_DEAD"); n != 0 || err != nil {
		t.Errorf("stream with limits retention: %d orphans, error %v", n, err)
	}
	if _, err := Orphans(t.Context(), js, "NONE"); err == nil {
		t.Error("no error for a stream that is not there")
	}
}
