package broker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

// permitted is a server on which "admin" may do everything, and "worker" what is
// not denied.
func permitted(t *testing.T, denyPublish, denySubscribe string) (*Conn, jetstream.JetStream) {
	t.Helper()
	s := accounts(t, fmt.Sprintf(`
		accounts { A { jetstream: enabled, users: [
			{user: admin, password: admin}
			{user: worker, password: worker, permissions: {publish: {deny: [%q]}, subscribe: {deny: [%q]}}}
		] } }`, denyPublish, denySubscribe))
	return connect(t, user(s, "worker")), s.JetStream(t, nats.UserInfo("admin", "admin"))
}

func TestInspectFindsMissingPermissions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		publish, subscribe string
		want               map[string]finding.Status
		alone              bool // nothing else can be told
	}{
		"none":        {publish: "unused", subscribe: "unused"},
		"account":     {publish: "$JS.API.INFO"}, // the worker does not ask for it
		"consumers":   {publish: "$JS.API.CONSUMER.LIST.JOBS", want: map[string]finding.Status{"stream JOBS/consumers": finding.Warning}},
		"consumer":    {publish: "$JS.API.CONSUMER.INFO.JOBS.beta", want: map[string]finding.Status{"consumer beta/existence": finding.Error}},
		"dead letter": {publish: "jobs-dead.>", want: map[string]finding.Status{"dead-letter stream JOBS_DEAD/may write": finding.Error}},
		"ledger":      {publish: "$KV.JOBS_LEDGER.>", want: map[string]finding.Status{"ledger JOBS_LEDGER/may write": finding.Error}},
		"ledger read": {publish: "$JS.API.STREAM.MSG.GET.>", want: map[string]finding.Status{"ledger JOBS_LEDGER/may read": finding.Error}},
		"pull":        {publish: "$JS.API.CONSUMER.MSG.NEXT.JOBS.beta", want: map[string]finding.Status{"consumer beta/may pull": finding.Error}},
		"ack":         {publish: "$JS.ACK.JOBS.beta.>", want: map[string]finding.Status{"consumer beta/may ack": finding.Error}},
		"answers":     {subscribe: "_INBOX.>", alone: true, want: map[string]finding.Status{"nats/answers": finding.Error}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, js := permitted(t, orUnused(tt.publish), orUnused(tt.subscribe))
			mustEnsure(t, js, sample())
			want := tt.want
			if !tt.alone {
				want = besides(tt.want)
			}
			found := Inspect(t.Context(), c, sample(), Inspection{})
			wantBad(t, found, want)
			for _, f := range found {
				if _, ok := tt.want[f.Subject+"/"+f.Check]; ok && !strings.HasPrefix(f.Detail, "the user may not ") {
					t.Errorf("%+v does not name what the user may not do", f)
				}
			}
		})
	}
}

func orUnused(subject string) string {
	if subject == "" {
		return "unused"
	}
	return subject
}

// Without the right to ask for the stream, whose consumers are asked for by name
// nevertheless.
func TestInspectMayNotAskForTheStream(t *testing.T) {
	t.Parallel()
	c, js := permitted(t, "$JS.API.STREAM.INFO.JOBS", "unused")
	mustEnsure(t, js, sample())
	want := besides(map[string]finding.Status{"stream JOBS/existence": finding.Error, "stream JOBS/consumers": finding.Warning})
	delete(want, "stream JOBS/redundancy")
	want["dead-letter stream JOBS_DEAD/redundancy"] = finding.Warning
	wantBad(t, Inspect(t.Context(), c, sample(), Inspection{}), want)
}

// A refusal ends the request that it is about, long before its limit.
func TestAskEndsWithARefusal(t *testing.T) {
	t.Parallel()
	c, _ := permitted(t, "secret.>", "unused")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := ask(ctx, c, time.Hour, func(ctx context.Context) (*nats.Msg, error) {
		sub, err := c.NATS().SubscribeSync(c.NATS().NewInbox())
		if err != nil {
			return nil, err
		}
		if err := c.NATS().Publish("secret.a", nil); err != nil {
			return nil, err
		}
		return sub.NextMsgWithContext(ctx)
	})
	if got := deniedSubject(err); got != "publish to secret.a" {
		t.Errorf("error %v: denied %q", err, got)
	}
}

// state is all that a server tells of the streams and consumers of the account,
// without the times of the telling and what replicas do meanwhile.
func state(t *testing.T, js jetstream.JetStream) map[string]any {
	t.Helper()
	all := map[string]any{}
	streams := js.ListStreams(t.Context())
	for info := range streams.Info() {
		info.TimeStamp = time.Time{}
		info.Cluster = nil
		all[info.Config.Name] = info
		s, err := js.Stream(t.Context(), info.Config.Name)
		if err != nil {
			t.Fatal(err)
		}
		consumers := s.ListConsumers(t.Context())
		for c := range consumers.Info() {
			c.TimeStamp = time.Time{}
			c.Cluster = nil
			all[info.Config.Name+"/"+c.Name] = c
		}
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A server is the same after an inspection, with messages in all places: two
// that wait, one in hand, one letter, one key.
func unchangedBy(t *testing.T, js jetstream.JetStream, inspect func()) {
	t.Helper()
	for _, subject := range []string{"jobs.b", "jobs.b", "jobs.a.1", "jobs-dead.alpha.1", "$KV.JOBS_LEDGER.m.alpha.1-1"} {
		if _, err := js.Publish(t.Context(), subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	beta, err := js.Consumer(t.Context(), "JOBS", "beta")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := beta.Next(jetstream.FetchMaxWait(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	before := state(t, js)
	inspect()
	if diff := cmp.Diff(before, state(t, js)); diff != "" {
		t.Errorf("the inspection changed (-before +after):\n%s", diff)
	}
	alpha, err := js.Consumer(t.Context(), "JOBS", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := alpha.Next(jetstream.FetchMaxWait(20 * time.Second)); err != nil || m.Subject() != "jobs.a.1" {
		t.Errorf("the waiting message: %v, %v", m, err)
	}
}

func TestInspectChangesNothing(t *testing.T) {
	t.Parallel()
	c, js := permitted(t, "unused", "unused")
	topology := sample()
	for n := range topology.Consumers {
		topology.Consumers[n].AckWait = time.Minute // no redelivery in between
	}
	mustEnsure(t, js, topology)
	unchangedBy(t, js, func() {
		for range 3 {
			wantBad(t, Inspect(t.Context(), c, topology, Inspection{}),
				besides(map[string]finding.Status{"dead-letter stream JOBS_DEAD/letters": finding.Warning}))
		}
	})
}
