package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/finding"
)

// askLimit is how long one request of an inspection waits for its answer.
const askLimit = 3 * time.Second

// Inspection is what an inspection has to know beside the topology.
type Inspection struct {
	// CallLimits says by consumer name how long one call of that route may last.
	// A route that is not in it is not judged by it.
	CallLimits map[string]time.Duration
	// Embedded says that the server is the one inside of a worker, which is alone
	// by design.
	Embedded bool
}

// inspector looks at one server. It is for one goroutine.
type inspector struct {
	c *Conn
	t Topology
	o Inspection
}

// Inspect looks at the server and says of each thing how it is. Nothing is
// changed there: no message is stored, taken or acknowledged, and nothing is
// made, whatever t says. What the user may do is found out by requests that the
// server refuses for their content, or that find nothing. A request that is not
// answered costs 3 seconds; ctx bounds them all. The findings come in the
// order in which one who mends things should read them. While it runs, nothing
// else is to use the connection.
func Inspect(ctx context.Context, c *Conn, t Topology, o Inspection) []finding.Finding {
	if !c.Connected() {
		return []finding.Finding{finding.Bad(finding.Error, "nats", "connection",
			"there is no connection", "Look at nats.url and the log-in, and at whether the server runs.")}
	}
	found := finding.Merged(inspector{c: c, t: t, o: o}.all(ctx))
	for n := range found {
		found[n].Remedy = sentence(found[n].Remedy)
	}
	return found
}

func (i inspector) all(ctx context.Context) []finding.Finding {
	found, usable := i.server(ctx)
	if !usable {
		return found
	}
	for _, store := range i.stores() {
		found = append(found, i.store(ctx, store)...)
	}
	found = append(found, i.consumers(ctx)...)
	return append(found, i.permits(ctx)...)
}

// sentence makes one of the end of a warning.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// fact is what a check judges, and what it found there.
type fact struct{ check, detail string }

// judge is what a check of one thing found, as findings. What was observed
// stands whatever the check says; a fact stands unless the check says otherwise,
// and those that stand are told in one line.
func judge(subject string, at place, observed []finding.Finding, facts []fact, n notes, err error) []finding.Finding {
	said := map[string]bool{}
	var bad []finding.Finding
	for _, one := range n {
		said[one.check] = true
		detail := strings.TrimSuffix(one.text, ": "+one.remedy)
		bad = append(bad, finding.Bad(finding.Warning, subject, one.check, at.trim(detail), one.remedy))
	}
	if err != nil {
		return append(append(observed, refusal(subject, at, err)), bad...)
	}
	var standing []string
	for _, f := range facts {
		if !said[f.check] {
			standing = append(standing, f.check+": "+f.detail)
		}
	}
	observed = append(observed, finding.Good(subject, "configuration", strings.Join(standing, "; ")))
	return append(observed, bad...)
}

// trim leaves out of a text what the finding's subject says already.
func (at place) trim(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, at.key+": "), at.what+" ")
}

// refusal is the finding of a [*ConfigError] of a check.
func refusal(subject string, at place, err error) finding.Finding {
	check, text := "configuration", err.Error()
	if fault, ok := errors.AsType[*ConfigError](err); ok {
		check, text = cmp.Or(fault.check, check), fault.text
	}
	detail, remedy := advice(text)
	return finding.Bad(finding.Error, subject, check, at.trim(detail), remedy)
}

// unanswered is the finding of a request that got no useful answer. A missing
// permission is as bad as denied says; nothing else can be told.
func unanswered(subject, check string, denied finding.Status, err error) finding.Finding {
	if what := deniedSubject(err); what != "" {
		return finding.Bad(denied, subject, check, "the user may not "+what,
			"permit it on the server; docs/security.md lists what each user needs")
	}
	detail := fmt.Sprintf("it could not be asked for: %v", err)
	const remedy = "look at the server's log and its health, then check again"
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return finding.Bad(finding.Error, subject, check, "nobody answers for it", "enable JetStream on the server and for this account")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return finding.Bad(finding.Error, subject, check, "JetStream is not enabled for this account", "enable it for the account on the server")
	case errors.Is(err, context.DeadlineExceeded):
		detail = fmt.Sprintf("no answer within %v", askLimit)
	}
	return finding.Bad(finding.Unknown, subject, check, detail, remedy)
}
