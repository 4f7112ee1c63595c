package check

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
)

// actionsOf is what the routes to a connection may do.
func actionsOf(cfg *config.Config, connection string) []job.Action {
	var all []job.Action
	for _, r := range cfg.Routes {
		if r.Connection == connection {
			all = append(all, actions(r)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// scopes compares what a token allows with what the routes need. Nothing is said
// of a token that does not show its scopes: the calls tell.
func scopes(product config.Product, subject, check string, granted []string, needs []job.Action) []finding.Finding {
	if len(granted) == 0 || product != config.UiPath {
		return nil
	}
	lacking := uipath.LackingScopes(granted, needs...)
	if len(lacking) == 0 {
		return []finding.Finding{finding.Good(subject, check, "the token has what the routes need: "+strings.Join(shown(granted), ", "))}
	}
	status := finding.Warning
	var parts []string
	for _, l := range lacking {
		if !l.Only {
			status = finding.Error
		}
		parts = append(parts, strings.Join(l.Scopes, " or ")+", "+l.For)
	}
	return []finding.Finding{finding.Bad(status, subject, check, "the token lacks "+strings.Join(parts, "; and "),
		"Give the external application the scope, and add it to the credential's scopes.")}
}

// readable are the names that the tokens let be looked up: where each says of
// itself that it does not, a refusal would say no more.
func readable(product config.Product, tokens map[uint64][]string, names []orchestrator.Wanted) (all []orchestrator.Wanted) {
	for _, w := range names {
		reads := product != config.UiPath || len(tokens) == 0
		for _, granted := range tokens {
			reads = reads || len(granted) == 0 || uipath.Reads(granted, w.Action)
		}
		if reads {
			all = append(all, w)
		}
	}
	return all
}

// maxScopes is the most that is repeated of a token's scopes.
const maxScopes = 12

// productScope is what a scope of the product looks like. Nothing else that a
// token holds is repeated.
var productScope = regexp.MustCompile(`^OR\.[A-Za-z.]{1,40}$`)

func shown(granted []string) []string {
	var all []string
	for _, scope := range granted {
		if productScope.MatchString(scope) && len(all) < maxScopes {
			all = append(all, scope)
		}
	}
	return all
}

// scopesOf reads the scopes of a JWT, a list or text with spaces; nil where the
// token is none or does not say. The signature is not checked: only the API's
// word counts.
func scopesOf(token string) []string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var claims struct {
		Scope json.RawMessage `json:"scope"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	var list []string
	if json.Unmarshal(claims.Scope, &list) == nil {
		return list
	}
	var text string
	if json.Unmarshal(claims.Scope, &text) == nil {
		return strings.Fields(text)
	}
	return nil
}
