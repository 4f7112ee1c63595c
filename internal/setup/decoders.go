package setup

import (
	"fmt"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/automationanywhere"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
	"github.com/queueferry/queueferry/internal/request"
)

// Decoders are those of the routes, in their order. They compile what the routes
// say of requests; a [*config.Error] lists all their faults at once.
func Decoders(cfg *config.Config) ([]*request.Decoder, error) {
	var problems []config.Problem
	decoders := make([]*request.Decoder, 0, len(cfg.Routes))
	connections := connectionsOf(cfg)
	for i, r := range cfg.Routes {
		d, err := request.NewDecoder(decoding(r, connections[r.Connection].Product))
		if err != nil {
			problems = append(problems, cfg.Problem(fmt.Sprintf("routes[%d].transform", i), "is no jq program that can be used: %s; line and column count inside of the program, see docs/requests.md",
				strings.TrimPrefix(err.Error(), "request: transform: ")))
		}
		decoders = append(decoders, d)
	}
	if len(problems) > 0 {
		return nil, &config.Error{Problems: problems}
	}
	return decoders, nil
}

// decoding is what a route and its product mean for a decoder.
func decoding(r config.Route, product config.Product) request.Settings {
	s := request.Settings{
		Fixed: r.Fixed, Defaults: r.Defaults, Allow: r.Allow, Transform: r.Transform, Same: strings.EqualFold,
		NoFolders: product != config.UiPath,
	}
	switch product {
	case config.AutomationAnywhere:
		s.Same = nil // names count letter by letter
		s.ReferenceColumn, s.FixedOptions = r.ReferenceColumn, automationanywhere.FixedOptions
	case config.Veeam:
		s.Same = nil // as above, so that no plan is reached but the one that is allowed
		s.Plans = true
		s.Unsupported = map[job.Action]string{job.AddQueueItem: veeam.NoQueues}
	case config.UiPath:
	}
	return s
}

// connectionsOf are the connections by their names.
func connectionsOf(cfg *config.Config) map[string]config.Connection {
	all := make(map[string]config.Connection, len(cfg.Connections))
	for _, c := range cfg.Connections {
		all[c.Name] = c
	}
	return all
}
