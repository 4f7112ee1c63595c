package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/automationanywhere"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
)

// Supported refuses what the configuration asks for and this version cannot do,
// with a [*config.Error] that lists all of it. Settings that only tune such a thing
// are taken, and named in docs/limits.md.
func Supported(cfg *config.Config) error {
	if problems := Unsupported(cfg); len(problems) > 0 {
		return &config.Error{Problems: problems}
	}
	return nil
}

// Unsupported are the problems of what this version cannot do.
func Unsupported(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	refuse := func(key, format string, args ...any) {
		problems = append(problems, cfg.Problem(key, format, args...))
	}
	if cfg.Outcomes != nil {
		refuse("outcomes", "outcome events are not supported by this version; leave it out")
	}
	connections := connectionsOf(cfg)
	for i, r := range cfg.Routes {
		c := connections[r.Connection]
		ofRoute := func(key, format string, args ...any) {
			refuse(fmt.Sprintf("routes[%d].%s", i, key), format, args...)
		}
		if c.Product == config.Veeam {
			checkPlans(r, ofRoute)
			continue
		}
		checkRoute(r, c, ofRoute)
	}
	return problems
}

// checkRoute refuses what no request of the route could have.
func checkRoute(r config.Route, c config.Connection, refuse func(key, format string, args ...any)) {
	if c.Product == config.UiPath {
		checkFolders(r, refuse)
	}
	if c.Product == config.AutomationAnywhere {
		checkFixedOptions(r, refuse)
		checkAllowedOptions(r, automationanywhere.Options(c.Generation), refuse)
	}
	if r.Fixed.Action == "" && r.Defaults.Action == "" {
		return // the message says what it is
	}
	if o, ok := checker(c).Check(mildest(r, c)); !ok {
		refuse(keyOf(r, o.Detail), "no request of this route could be valid: %s", o.Detail)
	}
}

// checker is a connector that makes no call.
func checker(c config.Connection) orchestrator.Connector {
	if c.Product == config.AutomationAnywhere {
		return automationanywhere.New(automationanywhere.Settings{Generation: c.Generation})
	}
	return uipath.New(uipath.Settings{})
}

func checkFolders(r config.Route, refuse func(key, format string, args ...any)) {
	if f := r.Fixed.Folder; f != "" && uipath.CheckFolder(f) != "" {
		refuse("fixed.folder", "%s", uipath.CheckFolder(f))
	}
	if f := r.Defaults.Folder; f != "" && uipath.CheckFolder(f) != "" {
		refuse("defaults.folder", "%s", uipath.CheckFolder(f))
	}
}

// checkFixedOptions refuses to leave to the message what it shall never bring.
func checkFixedOptions(r config.Route, refuse func(key, format string, args ...any)) {
	for _, name := range automationanywhere.FixedOptions {
		if _, set := r.Defaults.Options[name]; set {
			refuse("defaults.options."+name, "stands under fixed.options only: no publisher may choose it")
		}
		if i := slices.Index(r.Allow.Options, name); i >= 0 {
			refuse(fmt.Sprintf("allow.options[%d]", i), "%s stands under fixed.options only: no publisher may choose it", name)
		}
	}
}

// checkAllowedOptions refuses names that no bot has: a message that uses the right
// one would be set aside.
func checkAllowedOptions(r config.Route, known []string, refuse func(key, format string, args ...any)) {
	for i, name := range r.Allow.Options {
		if name != "*" && !slices.Contains(known, name) {
			refuse(fmt.Sprintf("allow.options[%d]", i), "is not an option of a bot, letter by letter; there are %s", strings.Join(known, ", "))
		}
	}
}

// Options are those that a route sets itself; nil where it sets none.
func Options(r config.Route) job.Fields { return merged(r.Fixed.Options, r.Defaults.Options) }

// merged has the fields of both; what is fixed stands.
func merged(fixed, defaults job.Fields) job.Fields {
	if len(defaults) == 0 {
		return maps.Clone(fixed)
	}
	all := maps.Clone(defaults)
	maps.Copy(all, fixed)
	return all
}

// mildest is a request that has nothing of its own: what is wrong with it is
// wrong with every request of the route. A message may replace any default but
// the name of an option.
func mildest(r config.Route, c config.Connection) *job.Request {
	const some = "x"
	req := &job.Request{
		ID: some, Reference: some,
		Action: cmp.Or(r.Fixed.Action, r.Defaults.Action), Queue: cmp.Or(r.Fixed.Queue, some), Process: cmp.Or(r.Fixed.Process, some),
		Priority: r.Fixed.Priority, Content: r.Fixed.Content, Arguments: r.Fixed.Arguments, Options: Options(r),
	}
	if c.Product == config.AutomationAnywhere {
		req.Priority = cmp.Or(r.Fixed.Priority, r.Defaults.Priority)
		if req.Action == job.StartJob {
			req.Options = automationanywhere.Complete(c.Generation, req.Options, r.Allow.Options)
			return req
		}
		req.ReferenceColumn = r.ReferenceColumn
		req.Reference = cmp.Or(textOf(r.Fixed.Content[r.ReferenceColumn]), some)
		return req
	}
	req.Folder = some
	return req
}

// textOf is a JSON string's; empty if it is none.
func textOf(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// keyOf is the part of the route that a detail speaks of.
func keyOf(r config.Route, detail string) string {
	field, _, _ := strings.Cut(detail, ":")
	name, option, _ := strings.Cut(field, ".")
	_, fixed := r.Fixed.Options[option]
	switch {
	case name == "options" && !fixed:
		return "defaults.options"
	case name == "priority" && r.Fixed.Priority == "":
		return "defaults.priority"
	}
	return "fixed." + name
}
