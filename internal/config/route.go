package config

import "time"

// routes reads the list of routes.
func (s *section) routes() []Route {
	if !s.require("routes", "give at least one route, with its name, subjects and connection") {
		return nil
	}
	var out []Route
	s.list("routes", func(_ int, n *node, path string) {
		s.read(n, path, func(s *section) { out = append(out, s.route()) })
	})
	if n := s.get("routes"); n != nil && n.kind == sequence && len(out) == 0 {
		s.wrong("routes", "is empty; give at least one route")
	}
	return out
}

func (s *section) route() Route {
	s.requireText("name", "give the route a name, such as invoices")
	s.require("subjects", "list the subjects that the route takes, such as [jobs.invoices.>]")
	s.requireText("connection", "name one of the connections")
	transform, _ := s.text("transform")
	out := Route{
		Name:            s.str("name", ""),
		Subjects:        s.subjects("subjects"),
		Connection:      s.str("connection", ""),
		Defaults:        s.preset("defaults"),
		Fixed:           s.preset("fixed"),
		Allow:           s.allow(),
		Transform:       transform,
		Batch:           s.batch(),
		MaxInFlight:     int(s.integer("max_in_flight", 256, 1, unbounded)),
		MaxAckPending:   int(s.integer("max_ack_pending", 65_536, 1, unbounded)),
		AckWait:         s.duration("ack_wait", 30*time.Second, time.Second),
		Retry:           s.retry(),
		OnUnknown:       choice(s, "on_unknown", Park, Park, Resend),
		OnDuplicate:     choice(s, "on_duplicate", Compare, Compare, AckOnDuplicate),
		RejectGuard:     s.onOff("reject_guard", true),
		Pause:           s.boolean("pause", false),
		ReferenceColumn: s.str("reference_column", ""),
	}
	s.limits(out)
	return out
}

func (s *section) batch() Batch {
	var out Batch
	s.section("batch", func(s *section) {
		out.Max = int(s.integer("max", 100, 1, unbounded))
		out.Linger = s.duration("linger", 0, 0)
	})
	return out
}

// limits checks the numbers of a route against one another.
func (s *section) limits(out Route) {
	if out.Name != "" && !ourName.MatchString(out.Name) {
		s.wrong("name", ourNameRule+"; the durable consumer bears it too")
	}
	if out.MaxAckPending < out.MaxInFlight {
		s.wrong(s.oneOf("max_ack_pending", "max_in_flight"),
			"max_ack_pending is %d and max_in_flight is %d; all pods together cannot have fewer messages than one",
			out.MaxAckPending, out.MaxInFlight)
	}
	if s.has("batch") && out.Batch.Max > out.MaxInFlight {
		s.warn(join(s.at("batch"), "max"), "is never reached: only max_in_flight = %d messages are in hand at once", out.MaxInFlight)
	}
}
