package setup

import (
	"fmt"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/request"
)

// Decoders are those of the routes, in their order. They compile what the routes
// say of requests; a [*config.Error] lists all their faults at once.
func Decoders(cfg *config.Config) ([]*request.Decoder, error) {
	var problems []config.Problem
	decoders := make([]*request.Decoder, 0, len(cfg.Routes))
	for i, r := range cfg.Routes {
		d, err := request.NewDecoder(request.Settings{
			Fixed: r.Fixed, Defaults: r.Defaults, Allow: r.Allow, Transform: r.Transform, Same: strings.EqualFold,
		})
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
