package config

import (
	"strings"
	"time"
)

// validate checks the parts of the file against one another. What could not be
// read is left out: its problem is noted already.
func (r *reader) validate(c *Config) {
	r.validateStreams(c)
	r.validateSubjects(c)
	r.validateGrace(c)
	used := map[string]bool{}
	for i, route := range c.Routes {
		path := index("routes", i)
		r.uniqueName(c.Routes[:i], route.Name, path)
		if conn := r.connectionOf(c, route, path); conn != nil {
			used[conn.Name] = true
			r.validateRoute(route, conn.Product, path)
		}
	}
	for _, conn := range c.Connections {
		if !used[conn.Name] {
			r.warn(join("connections", conn.Name), "is used by no route")
		}
	}
}

// validateStreams checks that streams and bucket do not meet.
func (r *reader) validateStreams(c *Config) {
	names := []struct{ path, stream string }{
		{"stream.name", c.Stream.Name},
		{"dead_letter.stream", c.DeadLetter.Stream},
		{"ledger.bucket", "KV_" + c.Ledger.Bucket},
	}
	if c.Outcomes != nil {
		names = append(names, struct{ path, stream string }{"outcomes.stream", c.Outcomes.Stream})
	}
	for i, a := range names {
		for _, b := range names[:i] {
			if a.stream == b.stream {
				r.problem(a.path, "is the same stream as %s; give each its own", b.path)
			}
		}
	}
	if c.NATS.Embedded != nil && c.Stream.Replicas > 1 {
		r.problem("stream.replicas", "must be 1: an embedded server is alone; set nats.url to use a cluster")
	}
}

// validateGrace checks that a call under way can end before the process must.
func (r *reader) validateGrace(c *Config) {
	const margin = 5 * time.Second
	for _, conn := range c.Connections {
		if c.ShutdownGrace-margin >= conn.Timeout {
			continue
		}
		path := "shutdown_grace"
		if _, given := r.places[path]; !given {
			path = join(join("connections", conn.Name), "timeout")
		}
		r.problem(path, "shutdown_grace is %s, and connection %s has a timeout of %s: a call under way needs that and 5s more to end; "+
			"raise shutdown_grace or lower the timeout", brief(c.ShutdownGrace), conn.Name, brief(conn.Timeout))
	}
}

func (r *reader) uniqueName(earlier []Route, name, path string) {
	for i, other := range earlier {
		if name != "" && other.Name == name {
			r.problem(join(path, "name"), "is the name of routes[%d] too; give each route its own", i)
			return
		}
	}
}

// connectionOf is the connection that the route leads to, or nil.
func (r *reader) connectionOf(c *Config, route Route, path string) *Connection {
	var names []string
	for i := range c.Connections {
		if c.Connections[i].Name == route.Connection {
			return &c.Connections[i]
		}
		names = append(names, c.Connections[i].Name)
	}
	if route.Connection != "" && len(names) > 0 {
		r.problem(join(path, "connection"), "is not one of the connections; there is %s", strings.Join(names, ", "))
	}
	return nil
}
