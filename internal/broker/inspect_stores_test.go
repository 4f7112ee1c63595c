package broker

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
)

// besides is what a single server has, and these.
func besides(more map[string]finding.Status) map[string]finding.Status {
	all := maps.Clone(single)
	maps.Copy(all, more)
	return all
}

// Each case makes one stream by hand, differently, before everything else is
// made as it should be.
func TestInspectFindsFaultsOfStreams(t *testing.T) {
	t.Parallel()
	type config = jetstream.StreamConfig
	type wrong = map[string]finding.Status
	make1 := map[string]func(Topology) config{
		"work":   func(t Topology) config { _, c := t.work(); return c },
		"dead":   func(t Topology) config { return t.deadLetters().want },
		"ledger": func(t Topology) config { _, c := t.bucket(); return c },
	}
	const warning, fault = finding.Warning, finding.Error
	tests := map[string]struct {
		which  string
		change func(*config)
		want   wrong
	}{
		"as it should be":   {"work", func(*config) {}, wrong{}},
		"limits retention":  {"work", func(c *config) { c.Retention = jetstream.LimitsPolicy }, wrong{"stream JOBS/retention": warning}},
		"interest":          {"work", func(c *config) { c.Retention = jetstream.InterestPolicy }, wrong{"stream JOBS/retention": fault}},
		"in memory":         {"work", func(c *config) { c.Storage = jetstream.MemoryStorage }, wrong{"stream JOBS/storage": warning}},
		"max age":           {"work", func(c *config) { c.MaxAge = time.Hour }, wrong{"stream JOBS/max age": warning}},
		"drops the oldest":  {"work", func(c *config) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 10 }, wrong{"stream JOBS/discard": warning}},
		"max bytes":         {"work", func(c *config) { c.MaxBytes = 1 << 20 }, wrong{"stream JOBS/max bytes": warning}},
		"window":            {"work", func(c *config) { c.Duplicates = time.Minute }, wrong{"stream JOBS/duplicate window": warning}},
		"async":             {"work", func(c *config) { c.PersistMode = jetstream.AsyncPersistMode }, wrong{"stream JOBS/persist mode": warning}},
		"no publish acks":   {"work", func(c *config) { c.NoAck = true }, wrong{"stream JOBS/publish acks": warning}},
		"sealed":            {"work", func(c *config) { c.Sealed = true }, wrong{"stream JOBS/sealed": fault}},
		"dead work queue":   {"dead", func(c *config) { c.Retention = jetstream.WorkQueuePolicy }, wrong{"dead-letter stream JOBS_DEAD/retention": warning}},
		"dead interest":     {"dead", func(c *config) { c.Retention = jetstream.InterestPolicy }, wrong{"dead-letter stream JOBS_DEAD/retention": fault}},
		"dead max age":      {"dead", func(c *config) { c.MaxAge = time.Hour }, wrong{"dead-letter stream JOBS_DEAD/max age": warning}},
		"dead drops":        {"dead", func(c *config) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 10 }, wrong{"dead-letter stream JOBS_DEAD/discard": warning}},
		"dead small":        {"dead", func(c *config) { c.MaxMsgSize = 1000 }, wrong{"dead-letter stream JOBS_DEAD/message size": warning}},
		"dead elsewhere":    {"dead", func(c *config) { c.Subjects = []string{"elsewhere"} }, wrong{"dead-letter stream JOBS_DEAD/subjects": fault}},
		"dead in memory":    {"dead", func(c *config) { c.Storage = jetstream.MemoryStorage }, wrong{"dead-letter stream JOBS_DEAD/storage": warning}},
		"ledger forgets":    {"ledger", func(c *config) { c.MaxAge = time.Hour }, wrong{"ledger JOBS_LEDGER/max age": warning}},
		"ledger limited":    {"ledger", func(c *config) { c.MaxBytes = 1 << 20 }, wrong{"ledger JOBS_LEDGER/max bytes": warning}},
		"ledger in memory":  {"ledger", func(c *config) { c.Storage = jetstream.MemoryStorage }, wrong{"ledger JOBS_LEDGER/storage": warning}},
		"ledger without":    {"ledger", func(c *config) { c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = false, 0 }, wrong{"ledger JOBS_LEDGER/marker TTL": fault}},
		"ledger is another": {"ledger", func(c *config) { c.Subjects = []string{"elsewhere"} }, wrong{"ledger JOBS_LEDGER/subjects": fault}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t)
			js := s.JetStream(t)
			c := make1[tt.which](sample())
			tt.change(&c)
			makeStream(t, js, c)
			_, _ = Ensure(t.Context(), js, sample()) // makes the rest, as far as it goes
			makeRoutes(t, js)
			wantBad(t, Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), sample(), Inspection{}), besides(tt.want))
		})
	}
}

// makeRoutes makes the consumers that a fault of a stream kept from being made.
func makeRoutes(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, c := range sample().Consumers {
		if _, err := js.CreateOrUpdateConsumer(t.Context(), "JOBS", c.config()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInspectBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	c := connect(t, Settings{URL: s.URL()})
	stores := []string{"stream JOBS", "dead-letter stream JOBS_DEAD", "outcomes stream JOBS_OUTCOME", "ledger JOBS_LEDGER"}
	routes := []string{"consumer alpha", "consumer beta"}
	for create, status := range map[bool]finding.Status{true: finding.Unknown, false: finding.Error} {
		topology := sample()
		topology.Create = create
		want := map[string]finding.Status{stores[0] + "/existence": status}
		if !create { // what is missing is named
			for _, name := range stores {
				want[name+"/existence"] = status
			}
			want[routes[0]+"/existence"] = finding.Unknown
		}
		wantBad(t, Inspect(t.Context(), c, topology, Inspection{}), want)
	}
	for name := range c.JetStream().StreamNames(t.Context()).Name() {
		t.Errorf("stream %s was made", name)
	}
}

func TestInspectTellsHowFull(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	js := s.JetStream(t)
	_, work := sample().work()
	work.MaxMsgs = 5
	makeStream(t, js, work)
	if _, err := Ensure(t.Context(), js, sample()); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"jobs.b", "jobs.b", "jobs.b", "jobs.a.1", "jobs-dead.alpha.1"} {
		if _, err := js.Publish(t.Context(), subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	wantBad(t, Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), sample(), Inspection{}), besides(map[string]finding.Status{
		"stream JOBS/messages":                 finding.Warning,
		"dead-letter stream JOBS_DEAD/letters": finding.Warning,
	}))
}

// What would keep a missing stream from being made is found before a worker tries.
func TestInspectFindsWhatCannotBeMade(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change       func(*Topology)
		check, means string
	}{
		"replicas on a lone server": {func(t *Topology) { t.Stream.Replicas = 3 }, "replicas", "stream.replicas to 1"},
		"subjects of another":       {func(*Topology) {}, "subjects", "other subjects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := natstest.Start(t)
			wanted := sample()
			if _, err := s.JetStream(t).CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: wanted.Stream.Subjects}); err != nil {
				t.Fatal(err)
			}
			tt.change(&wanted)
			var found []string
			for _, f := range Inspect(t.Context(), connect(t, Settings{URL: s.URL()}), wanted, Inspection{}) {
				if f.Status == finding.Error && f.Check == tt.check && strings.Contains(f.Remedy, tt.means) {
					found = append(found, f.Subject)
				}
			}
			if len(found) == 0 || found[0] != "stream "+wanted.Stream.Name {
				t.Errorf("found in %v", found)
			}
		})
	}
}
