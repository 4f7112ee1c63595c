package check

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/setup"
)

// connectionReport is what was found of one connection, and of its routes.
type connectionReport struct{ shared, routes []finding.Finding }

// inspectConnection logs in with every credential, looks at what the routes name,
// and logs out where the grant can.
func inspectConnection(ctx context.Context, cfg *config.Config, c config.Connection) (r connectionReport) {
	subject := "connection " + c.Name
	names, open := wanted(cfg, c.Name)
	c, r.shared = sparing(c, subject)
	if len(c.Credentials) == 0 {
		r.routes = open
		return r
	}
	logIns := newLogIns(len(c.Credentials))
	target, err := setup.NewTarget(cfg, c, setup.Observers{Token: logIns.observe})
	if err != nil {
		detail := err.Error()
		if problems, ok := errors.AsType[*config.Error](err); ok && len(problems.Problems) > 0 {
			detail = problems.Problems[0].String()
		}
		r.shared = append(r.shared, finding.Bad(finding.Error, subject, "setting", detail, correct))
		return r
	}
	defer target.Transport.CloseIdleConnections()
	found, granted := logIns.run(ctx, target.Pool, c, actionsOf(cfg, c.Name))
	r.shared = append(r.shared, found...)
	r.shared = append(r.shared, logIns.validated(ctx, target, c)...)
	if logIns.worked() {
		can := readable(c.Product, granted, names)
		look(ctx, target.Connector, can, subject, &r)
		if n := len(names) - len(can); n > 0 {
			r.shared = append(r.shared, finding.Bad(finding.Unknown, subject, "routes",
				"queues or processes of the routes were not looked at: the token lacks the scope to read them", "Cure the scopes first, and check again."))
		}
		plainly(c.URL, r.shared)
	} else {
		r.shared = append(r.shared, finding.Bad(finding.Unknown, subject, "orchestrator",
			"neither it nor what the routes name was looked at: there is no token", "Cure the log-in first, and check again."))
	}
	r.routes = append(r.routes, open...)
	r.shared = append(r.shared, farewell(ctx, target, c)...)
	return r
}

// plainly adds a likely cause to a connection that was cut: many servers cut it
// when plain HTTP comes to a port for TLS.
func plainly(url string, shared []finding.Finding) {
	for i, f := range shared {
		cut := strings.Contains(f.Detail, "connection reset") || strings.Contains(f.Detail, "closed by the server")
		if strings.HasPrefix(url, "http://") && f.Check == "orchestrator" && f.Status == finding.Error && cut {
			shared[i].Detail += "; perhaps the server speaks TLS at that port, and url says http"
			shared[i].Remedy = "Write https in url if that is so. " + f.Remedy
		}
	}
}

// look has the connector look, if it can.
func look(ctx context.Context, connector orchestrator.Connector, names []orchestrator.Wanted, subject string, r *connectionReport) {
	inspector, ok := connector.(orchestrator.Inspector)
	if !ok {
		r.shared = append(r.shared, finding.Bad(finding.Unknown, subject, "orchestrator", "this version cannot look at the product",
			"See to what the routes name in the orchestrator itself."))
		return
	}
	for _, f := range inspector.Inspect(ctx, names) {
		if f.Subject != "" {
			r.routes = append(r.routes, f)
			continue
		}
		f.Subject = subject
		r.shared = append(r.shared, f)
	}
}

// farewell logs out, also when the check was given up.
func farewell(ctx context.Context, target setup.Target, c config.Connection) []finding.Finding {
	limit := farewellLimit
	if errors.Is(ctx.Err(), context.Canceled) {
		limit = hurriedLimit
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if err := target.Pool.Close(ctx); err != nil {
		return []finding.Finding{finding.Bad(finding.Warning, "connection "+c.Name, "log-out", fmt.Sprintf("a token was not ended: %s", withoutPackage(err)),
			leftAlone(c.Product))}
	}
	return nil
}

// leftAlone is what to do about a token that was not ended.
func leftAlone(p config.Product) string {
	if p != config.UiPath {
		return "Nothing need be done once: the session ends by itself. If it returns, see what answers at url when a program logs out."
	}
	return "Correct revocation_url, or remove it where the server revokes no such tokens: then one is left to end by itself."
}

// withoutPackage is an error of the pool in words for an operator.
func withoutPackage(err error) string { return strings.TrimPrefix(err.Error(), "authpool: ") }
