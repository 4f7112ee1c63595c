package broker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/natstest"
)

// sample is a topology of two routes that take all of the stream.
func sample() Topology {
	return Topology{
		Create: true,
		Stream: Stream{
			Name: "JOBS", Subjects: []string{"jobs.a.>", "jobs.b"}, Replicas: 1, DuplicateWindow: 10 * time.Minute,
		},
		DeadLetter: DeadLetter{Stream: "JOBS_DEAD", Subject: "jobs-dead"},
		Outcomes:   &Outcomes{Stream: "JOBS_OUTCOME", Subject: "jobs-outcome", MaxAge: 24 * time.Hour},
		Bucket:     "JOBS_LEDGER",
		Consumers: []Consumer{
			{Name: "alpha", Subjects: []string{"jobs.a.>"}, AckWait: 30 * time.Second, MaxAckPending: 65536},
			{Name: "beta", Subjects: []string{"jobs.b"}, AckWait: 10 * time.Second, MaxAckPending: 100},
		},
	}
}

func mustEnsure(t *testing.T, js jetstream.JetStream, topology Topology) {
	t.Helper()
	warnings, err := Ensure(t.Context(), js, topology)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

func streamConfig(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestEnsureMakesEverything(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	mustEnsure(t, js, sample())

	type facts struct {
		Subjects  []string
		Retention string
		Discard   string
		Storage   string
		MaxAge    time.Duration
		MaxBytes  int64
		Window    time.Duration
	}
	got := map[string]facts{}
	for _, name := range []string{"JOBS", "JOBS_DEAD", "JOBS_OUTCOME", "KV_JOBS_LEDGER"} {
		c := streamConfig(t, js, name)
		got[name] = facts{c.Subjects, c.Retention.String(), c.Discard.String(), c.Storage.String(), c.MaxAge, c.MaxBytes, c.Duplicates}
	}
	want := map[string]facts{
		"JOBS":           {[]string{"jobs.a.>", "jobs.b"}, "WorkQueue", "DiscardNew", "File", 0, -1, 10 * time.Minute},
		"JOBS_DEAD":      {[]string{"jobs-dead.>"}, "Limits", "DiscardNew", "File", 0, -1, 2 * time.Minute},
		"JOBS_OUTCOME":   {[]string{"jobs-outcome.>"}, "Limits", "DiscardOld", "File", 24 * time.Hour, -1, 2 * time.Minute},
		"KV_JOBS_LEDGER": {[]string{"$KV.JOBS_LEDGER.>"}, "Limits", "DiscardNew", "File", 0, -1, 2 * time.Minute},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}

	c, err := js.Consumer(t.Context(), "JOBS", "beta")
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.CachedInfo().Config
	if cfg.Durable != "beta" || cfg.AckPolicy != jetstream.AckExplicitPolicy || cfg.MaxDeliver != -1 ||
		cfg.AckWait != 10*time.Second || cfg.MaxAckPending != 100 || len(cfg.BackOff) > 0 || cfg.InactiveThreshold != 0 ||
		cfg.DeliverPolicy != jetstream.DeliverAllPolicy || !slices.Equal(filters(cfg), []string{"jobs.b"}) {
		t.Errorf("consumer beta: %+v", cfg)
	}
}

// The bucket must do what buckets do, and let single keys expire.
func TestEnsureMakesABucket(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	mustEnsure(t, js, sample())
	if streamConfig(t, js, "KV_JOBS_LEDGER").AllowDirect {
		t.Error("the bucket can be read from a replica that lags behind")
	}
	kv, err := js.KeyValue(t.Context(), "JOBS_LEDGER")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(t.Context(), "short", nil, jetstream.KeyTTL(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "long", nil); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := kv.Get(t.Context(), "short")
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("a key with one second to live is still there: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := kv.Get(t.Context(), "long"); err != nil {
		t.Errorf("a key without a limit: %v", err)
	}
	status, err := kv.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.History() != 1 || status.TTL() != 0 || status.LimitMarkerTTL() == 0 {
		t.Errorf("history %d, TTL %v, marker TTL %v", status.History(), status.TTL(), status.LimitMarkerTTL())
	}
}

// What Ensure made passes its own checks, before and after a restart of the
// server, with and without the right to make things.
func TestEnsureAgain(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t)
	js := s.JetStream(t)
	topology := sample()
	mustEnsure(t, js, topology)
	mustEnsure(t, js, topology)
	s.Restart(t)
	js = s.JetStream(t)
	mustEnsure(t, js, topology)
	topology.Create = false
	mustEnsure(t, js, topology)
}

func TestEnsureByManyAtOnce(t *testing.T) {
	t.Parallel()
	const pods = 8
	s := natstest.Start(t)
	var all [pods]jetstream.JetStream
	for i := range all {
		all[i] = s.JetStream(t)
	}
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for _, js := range all {
		wg.Go(func() {
			<-begin
			if warnings, err := Ensure(context.Background(), js, sample()); err != nil || len(warnings) > 0 {
				t.Errorf("warnings %q, error %v", warnings, err)
			}
		})
	}
	close(begin)
	wg.Wait()
}

func TestEnsureNeverMakesAnything(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	topology := sample()
	topology.Create = false
	_, err := Ensure(t.Context(), js, topology)
	wantConfigError(t, err, "stream JOBS,", "dead-letter stream JOBS_DEAD,", "outcomes stream JOBS_OUTCOME,",
		"key-value bucket JOBS_LEDGER,", "stream.manage")
	for name := range js.StreamNames(t.Context()).Name() {
		t.Errorf("stream %s was made", name)
	}

	topology.Create = true
	topology.Consumers = topology.Consumers[1:]
	if _, err := Ensure(t.Context(), js, topology); err != nil {
		t.Fatal(err)
	}
	_, err = EnsureConsumer(t.Context(), js, "JOBS", sample().Consumers[0], false)
	wantConfigError(t, err, "consumer alpha of stream JOBS", "jobs.a.>")
}

func TestVanishedConsumerIsMadeAgain(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	topology := sample()
	mustEnsure(t, js, topology)
	if _, err := js.Publish(t.Context(), "jobs.b", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteConsumer(t.Context(), "JOBS", "beta"); err != nil {
		t.Fatal(err)
	}
	if _, err := EnsureConsumer(t.Context(), js, "JOBS", topology.Consumers[1], true); err != nil {
		t.Fatal(err)
	}
	c, err := js.Consumer(t.Context(), "JOBS", "beta")
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(20 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data()) != "kept" {
		t.Errorf("got %q", m.Data())
	}
}

func TestEnsureWithoutAServer(t *testing.T) {
	t.Parallel()
	c := start(t, Settings{URL: "nats://" + natstest.FreeAddress(t)})
	if _, err := Ensure(t.Context(), c.JetStream(), sample()); !errors.Is(err, ErrDisconnected) || isConfigError(err) {
		t.Errorf("error %v, want ErrDisconnected", err)
	}
}

func TestEnsureCannotMake(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Topology)
		says   []string
	}{
		"replicas on one server": {
			func(t *Topology) { t.Stream.Replicas = 3 },
			[]string{"stream.replicas", "stream JOBS", "dead-letter stream JOBS_DEAD", "key-value bucket JOBS_LEDGER"},
		},
		"subjects of another stream": {
			func(t *Topology) { t.DeadLetter.Subject = "taken" },
			[]string{"dead_letter.stream", "JOBS_DEAD", "taken.>"},
		},
		"route beyond the stream": {
			func(t *Topology) { t.Consumers[1].Subjects = []string{"orders.>"} },
			[]string{"routes: beta takes [orders.>]", "stream JOBS", "jobs.a.>"},
		},
		"subject that is none": {
			func(t *Topology) { t.Stream.Subjects = append(t.Stream.Subjects, "jobs..c") },
			[]string{"stream.name", "stream JOBS"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := natstest.Start(t).JetStream(t)
			_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"taken.*"}})
			if err != nil {
				t.Fatal(err)
			}
			topology := sample()
			tt.change(&topology)
			_, err = Ensure(t.Context(), js, topology)
			wantConfigError(t, err, tt.says...)
		})
	}
}

// Each case makes one stream by hand, differently, before Ensure comes.
func TestEnsureChecksStreams(t *testing.T) {
	t.Parallel()
	work := func(change func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		c := jetstream.StreamConfig{
			Name: "JOBS", Subjects: []string{"jobs.a.>", "jobs.b"}, Retention: jetstream.WorkQueuePolicy,
			Discard: jetstream.DiscardNew, Duplicates: 10 * time.Minute,
		}
		change(&c)
		return c
	}
	dead := func(change func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		c := jetstream.StreamConfig{Name: "JOBS_DEAD", Subjects: []string{"jobs-dead.>"}}
		change(&c)
		return c
	}
	bucket := func(change func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		c := jetstream.StreamConfig{
			Name: "KV_JOBS_LEDGER", Subjects: []string{"$KV.JOBS_LEDGER.>"}, MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew,
			AllowRollup: true, DenyDelete: true, AllowMsgTTL: true, SubjectDeleteMarkerTTL: time.Minute,
		}
		change(&c)
		return c
	}
	type config = jetstream.StreamConfig
	tests := map[string]struct {
		made  jetstream.StreamConfig
		warns []string // one part of each warning, in order
		fails []string // parts of the error
	}{
		"work as it should be":   {made: work(func(*config) {})},
		"work limits":            {made: work(func(c *config) { c.Retention = jetstream.LimitsPolicy }), warns: []string{"stream JOBS has limits retention"}},
		"work interest":          {made: work(func(c *config) { c.Retention = jetstream.InterestPolicy }), fails: []string{"stream JOBS has interest retention"}},
		"work in memory":         {made: work(func(c *config) { c.Storage = jetstream.MemoryStorage }), warns: []string{"kept in memory"}},
		"work max age":           {made: work(func(c *config) { c.MaxAge = time.Hour }), warns: []string{"drops messages after 1h0m0s"}},
		"work discard old":       {made: work(func(c *config) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 10 }), warns: []string{"drops its oldest"}},
		"work discard, no limit": {made: work(func(c *config) { c.Discard = jetstream.DiscardOld })},
		"work max bytes":         {made: work(func(c *config) { c.MaxBytes = 1 << 20 }), warns: []string{"max_bytes 1048576, not the 0"}},
		"work window":            {made: work(func(c *config) { c.Duplicates = time.Minute }), warns: []string{"duplicate window of 1m0s, not the 10m0s"}},
		"work async":             {made: work(func(c *config) { c.PersistMode = jetstream.AsyncPersistMode }), warns: []string{"persist_mode async"}},
		"work no ack":            {made: work(func(c *config) { c.NoAck = true }), warns: []string{"does not acknowledge"}},
		"work other subjects":    {made: work(func(c *config) { c.Subjects = []string{"jobs.b"} }), warns: []string{"does not store [jobs.a.>] of stream.subjects"}, fails: []string{"routes: alpha takes [jobs.a.>]", "it stores [jobs.b]"}},
		"work wider":             {made: work(func(c *config) { c.Subjects = []string{"jobs.>"} })},
		"work sealed":            {made: work(func(c *config) { c.Sealed = true }), fails: []string{"sealed"}},
		"dead as it should be":   {made: dead(func(*config) {})},
		"dead other subjects":    {made: dead(func(c *config) { c.Subjects = []string{"jobs-dead.*"} }), fails: []string{"dead_letter.stream", "does not store [jobs-dead.>]"}},
		"dead interest":          {made: dead(func(c *config) { c.Retention = jetstream.InterestPolicy }), fails: []string{"interest retention"}},
		"dead work queue":        {made: dead(func(c *config) { c.Retention = jetstream.WorkQueuePolicy }), warns: []string{"work-queue retention"}},
		"dead no ack":            {made: dead(func(c *config) { c.NoAck = true }), fails: []string{"does not acknowledge"}},
		"dead max age":           {made: dead(func(c *config) { c.MaxAge = time.Hour }), warns: []string{"for 1h0m0s, not the 0s of dead_letter.max_age"}},
		"dead drops":             {made: dead(func(c *config) { c.MaxMsgs = 100 }), warns: []string{"drops its oldest"}},
		"dead small messages":    {made: dead(func(c *config) { c.MaxMsgSize = 1000 }), warns: []string{"no more than 1000 bytes"}},
		"bucket as should be":    {made: bucket(func(*config) {})},
		"bucket without TTL":     {made: bucket(func(c *config) { c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = false, 0 }), fails: []string{"ledger.bucket", "limit marker TTL"}},
		"bucket forgets":         {made: bucket(func(c *config) { c.MaxAge = time.Hour }), warns: []string{"forgets every key after 1h0m0s"}},
		"bucket limited":         {made: bucket(func(c *config) { c.MaxBytes = 1 << 20 }), warns: []string{"full at 1048576 bytes"}},
		"bucket in memory":       {made: bucket(func(c *config) { c.Storage = jetstream.MemoryStorage }), warns: []string{"kept in memory"}},
		"bucket is no bucket":    {made: bucket(func(c *config) { c.Subjects = []string{"other"} }), fails: []string{"stores other subjects"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := natstest.Start(t).JetStream(t)
			makeStream(t, js, tt.made)
			for _, create := range []bool{true, false} {
				topology := sample()
				topology.Create = create
				warnings, err := Ensure(t.Context(), js, topology)
				wantWarnings(t, warnings, tt.warns)
				if tt.fails == nil && err != nil {
					t.Fatalf("create %v: %v", create, err)
				}
				if tt.fails != nil {
					wantConfigError(t, err, tt.fails...)
					return
				}
			}
		})
	}
}

// makeStream makes a stream that may be sealed, which only an update can do.
func makeStream(t *testing.T, js jetstream.JetStream, c jetstream.StreamConfig) {
	t.Helper()
	sealed := c.Sealed
	c.Sealed = false
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !sealed {
		return
	}
	c.Sealed = true
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func wantWarnings(t *testing.T, got, parts []string) {
	t.Helper()
	if len(got) != len(parts) {
		t.Fatalf("warnings %q, want %d", got, len(parts))
	}
	for i, part := range parts {
		if !strings.Contains(got[i], part) {
			t.Errorf("warning %q does not say %q", got[i], part)
		}
	}
}

// A stream that exists is not changed, whatever the file says.
func TestEnsureChangesNothing(t *testing.T) {
	t.Parallel()
	js := natstest.Start(t).JetStream(t)
	mustEnsure(t, js, sample())
	before := streamConfig(t, js, "JOBS")

	topology := sample()
	topology.Stream.MaxBytes = 1 << 20
	topology.Stream.DuplicateWindow = time.Minute
	topology.Consumers[1].AckWait = time.Minute
	warnings, err := Ensure(t.Context(), js, topology)
	if err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, warnings, []string{"max_bytes", "duplicate window", "consumer beta of stream JOBS has ack_wait 10s"})
	if diff := cmp.Diff(before, streamConfig(t, js, "JOBS")); diff != "" {
		t.Errorf("the stream was changed:\n%s", diff)
	}
}
