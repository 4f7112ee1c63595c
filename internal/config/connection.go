package config

import (
	"regexp"
	"time"
)

// connections reads the mapping of connections, by name.
func (s *section) connections() []Connection {
	if !s.require("connections", "name at least one connection under it, with its product, url and credentials") {
		return nil
	}
	var out []Connection
	s.section("connections", func(all *section) {
		for _, e := range all.n.entries {
			if !ourName.MatchString(e.key) {
				all.problemAt(e.at, all.at(e.key), "the name of a connection "+ourNameRule)
			}
			all.section(e.key, func(s *section) { out = append(out, s.connection(e.key)) })
		}
		if all.n.kind == mapping && len(all.n.entries) == 0 {
			all.problem(all.path, "is empty; name at least one connection under it")
		}
	})
	return out
}

func (s *section) connection(name string) Connection {
	s.requireText("product", "say which one it is: uipath, automation_anywhere or veeam")
	s.requireText("url", "give the address of the orchestrator, such as https://host/path")
	out := Connection{
		Name:             name,
		Product:          choice(s, "product", "", UiPath, AutomationAnywhere, Veeam),
		URL:              s.address("url"),
		TLS:              s.tls(),
		Timeout:          s.duration("timeout", 20*time.Second, time.Millisecond),
		MaxConcurrent:    int(s.integer("max_concurrent", 32, 1, unbounded)),
		Rate:             s.number("rate", 0),
		Breaker:          s.breaker(),
		Settle:           s.duration("settle", time.Minute, 0),
		LookUpsPerMinute: int(s.integer("look_ups_per_minute", 30, 1, unbounded)),
		ContentLimit:     int(s.integer("content_limit", 256_000, 1, unbounded)),
	}
	s.ofProduct(&out)
	out.Credentials = s.credentials(out.Product, out.Generation)
	return out
}

var apiVersion = regexp.MustCompile(`^v[0-9]+(\.[0-9]+)?$`)

// ofProduct reads the keys that only one product has.
func (s *section) ofProduct(c *Connection) {
	c.Tenant = s.str("tenant", "")
	c.Generation = choice(s, "generation", "", "e11", "a360")
	c.APIVersion = s.str("api_version", "")
	for key, product := range map[string]Product{"tenant": UiPath, "generation": AutomationAnywhere, "api_version": Veeam} {
		if s.has(key) && c.Product != "" && c.Product != product {
			s.problem(s.at(key), "is only for product %s; remove it", product)
		}
	}
	switch {
	case c.Product == AutomationAnywhere:
		s.requireText("generation", "say which one it is: e11 (Enterprise 11) or a360 (Automation 360)")
	case c.Product == Veeam && c.APIVersion == "":
		c.APIVersion = "v7.21"
	case c.Product == Veeam && !apiVersion.MatchString(c.APIVersion):
		s.wrong("api_version", "is not a version of the API; write one such as v7.21 or v13: the product 7.2.1 has v7.21")
	}
}
