package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/natstest"
)

func violationOf(text string) error { return fmt.Errorf("%w: %s", nats.ErrPermissionViolation, text) }

// What the server refuses is named as it is to be granted.
func TestFaultOfAPermission(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"the ack of a message": {`Permissions Violation for Publish to "$JS.ACK.JOBS.invoices.1.13.13.1795322084898257297.3"`, "publish to $JS.ACK.JOBS.>"},
		"a key of the ledger":  {`Permissions Violation for Publish to "$KV.JOBS_LEDGER.m.invoices.20-17"`, "publish to $KV.JOBS_LEDGER.>"},
		"an inbox":             {`Permissions Violation for Subscription to "_INBOX.XT2HdMwtk4.*"`, "subscribe to _INBOX.>"},
		"a request":            {`Permissions Violation for Publish to "$JS.API.STREAM.INFO.JOBS"`, "publish to $JS.API.STREAM.INFO.JOBS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := FaultOf(fmt.Errorf("broker: stream JOBS: %w", violationOf(tt.text)))
			if !ok || f.Detail != "the NATS user may not "+tt.want || !strings.Contains(f.Remedy, "docs/security.md") {
				t.Errorf("%v %+v", ok, f)
			}
		})
	}
	if f, ok := FaultOf(errors.New("something")); ok {
		t.Errorf("an unknown error is %+v", f)
	}
	if f, ok := FaultOf(nats.ErrNoResponders); !ok || !strings.Contains(f.Detail, "JetStream") {
		t.Errorf("no JetStream is %+v", f)
	}
}

// A cause whose text differs each time is told once.
func TestReportsOfOneCause(t *testing.T) {
	t.Parallel()
	var told []error
	r := newReporter(func(err error) { told = append(told, err) })
	for i := range 3 {
		r.error(fmt.Errorf("nats: tls error: connection closed by remote after TLS handshake: write tcp 127.0.0.1:%d", i))
		r.error(violationOf(fmt.Sprintf(`Permissions Violation for Publish to "$JS.ACK.JOBS.a.1.%d"`, i)))
		r.error(nats.ErrAuthorization)
		r.error(errors.New("nats: Authorization Violation"))
	}
	if len(told) != 3 {
		t.Errorf("%d were told: %v", len(told), told)
	}
}

func TestDeniedUntilTheNextConnection(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "worker", Password: "pw", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"a"}},
		}}}
	})
	failed := make(chan error, 1)
	c, err := Connect(t.Context(), Settings{URL: strings.Replace(s.URL(), "nats://", "nats://worker:pw@", 1), OnError: func(err error) { failed <- err }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.WaitConnected(t.Context()); err != nil {
		t.Fatal(err)
	}
	if what, _ := c.Denied(); what != "" {
		t.Errorf("denied at first: %s", what)
	}
	if err := c.NATS().Publish("b", nil); err != nil {
		t.Fatal(err)
	}
	_ = receive(t, failed, "report of the refusal")
	if what, at := c.Denied(); what != "publish to b" || at.IsZero() {
		t.Errorf("denied: %q at %v", what, at)
	}
	c.denied.forget()
	if what, _ := c.Denied(); what != "" {
		t.Errorf("denied after it was forgotten: %s", what)
	}
}
