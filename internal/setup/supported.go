package setup

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
)

// Supported refuses what the configuration asks for and this version cannot do,
// with a [*config.Error] that lists all of it, [Undelivered] included. Settings
// that only tune such a thing are taken, and named in docs/limits.md.
func Supported(cfg *config.Config) error {
	problems := Unsupported(cfg)
	for _, c := range cfg.Connections {
		if p, ok := Undelivered(cfg, c); ok {
			problems = append(problems, p)
		}
	}
	if len(problems) > 0 {
		return &config.Error{Problems: problems}
	}
	return nil
}

// Undelivered is the problem of a connection whose product this version logs in
// to and delivers nothing to. False: it delivers.
func Undelivered(cfg *config.Config, c config.Connection) (config.Problem, bool) {
	if c.Product == config.UiPath {
		return config.Problem{}, false
	}
	return cfg.Problem("connections."+c.Name+".product", "this version delivers nothing to %s yet; remove the connection and its routes: "+
		"requests are delivered to %s only", c.Product, config.UiPath), true
}

// Unsupported are the problems of all else that this version cannot do.
func Unsupported(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	refuse := func(key, format string, args ...any) {
		problems = append(problems, cfg.Problem(key, format, args...))
	}
	if cfg.Outcomes != nil {
		refuse("outcomes", "outcome events are not supported by this version; leave it out")
	}
	products := map[string]config.Product{}
	for _, c := range cfg.Connections {
		products[c.Name] = c.Product
	}
	for i, r := range cfg.Routes {
		if products[r.Connection] != config.UiPath {
			continue // its product's connector would know
		}
		checkRoute(r, func(key, format string, args ...any) {
			refuse(fmt.Sprintf("routes[%d].%s", i, key), format, args...)
		})
	}
	return problems
}

func checkRoute(r config.Route, refuse func(key, format string, args ...any)) {
	if f := r.Fixed.Folder; f != "" && uipath.CheckFolder(f) != "" {
		refuse("fixed.folder", "%s", uipath.CheckFolder(f))
	}
	if f := r.Defaults.Folder; f != "" && uipath.CheckFolder(f) != "" {
		refuse("defaults.folder", "%s", uipath.CheckFolder(f))
	}
	if r.Fixed.Action == "" && r.Defaults.Action == "" {
		return // the message says what it is
	}
	if o, ok := uipath.New(uipath.Settings{}).Check(mildest(r)); !ok {
		refuse(keyOf(r, o.Detail), "no request of this route could be valid: %s", o.Detail)
	}
}

// mildest is a request that has nothing of its own: what is wrong with it is
// wrong with every request of the route. A message may replace any default but
// the name of an option.
func mildest(r config.Route) *job.Request {
	const some = "x"
	options := maps.Clone(r.Defaults.Options)
	if options == nil {
		options = job.Fields{}
	}
	maps.Copy(options, r.Fixed.Options)
	return &job.Request{
		ID: some, Reference: some, Folder: some,
		Action: cmp.Or(r.Fixed.Action, r.Defaults.Action), Queue: cmp.Or(r.Fixed.Queue, some), Process: cmp.Or(r.Fixed.Process, some),
		Priority: r.Fixed.Priority, Content: r.Fixed.Content, Arguments: r.Fixed.Arguments, Options: options,
	}
}

// keyOf is the part of the route that a detail speaks of.
func keyOf(r config.Route, detail string) string {
	field, _, _ := strings.Cut(detail, ":")
	name, option, _ := strings.Cut(field, ".")
	if _, fixed := r.Fixed.Options[option]; name == "options" && !fixed {
		return "defaults.options"
	}
	return "fixed." + name
}
