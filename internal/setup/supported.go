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
// with a [*config.Error] that lists all of it. Settings that only tune such a
// thing are taken, and named in docs/limits.md.
func Supported(cfg *config.Config) error {
	var problems []config.Problem
	refuse := func(key, format string, args ...any) {
		problems = append(problems, cfg.Problem(key, format, args...))
	}
	if cfg.Outcomes != nil {
		refuse("outcomes", "outcome events are not supported by this version; leave it out")
	}
	for _, c := range cfg.Connections {
		if c.Product != config.UiPath {
			refuse("connections."+c.Name+".product", "%s is not supported by this version; only %s is", c.Product, config.UiPath)
			continue
		}
		for i, credential := range c.Credentials {
			if g := credential.Grant; g != config.ClientCredentials && g != config.Static {
				refuse(fmt.Sprintf("connections.%s.credentials[%d].grant", c.Name, i),
					"%s is not supported by this version; use %s or %s", g, config.ClientCredentials, config.Static)
			}
		}
	}
	for i, r := range cfg.Routes {
		checkRoute(r, func(key, format string, args ...any) {
			refuse(fmt.Sprintf("routes[%d].%s", i, key), format, args...)
		})
	}
	if len(problems) > 0 {
		return &config.Error{Problems: problems}
	}
	return nil
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
