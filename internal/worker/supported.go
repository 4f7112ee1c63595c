package worker

import (
	"fmt"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/orchestrator/uipath"
)

// supported refuses what the configuration asks for and this version cannot do.
// Settings that only tune such a thing are taken, and named in docs/limits.md.
func supported(cfg *config.Config) error {
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
}
