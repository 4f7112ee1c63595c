package config

import (
	"time"

	"github.com/queueferry/queueferry/internal/retry"
)

// JetStream takes no shorter time than this for its own windows and ages.
const shortestAge = 100 * time.Millisecond

// config reads the whole file, section by section.
func (r *reader) config(root *node) *Config {
	c := &Config{}
	r.read(root, "", func(s *section) {
		c.NATS = s.nats()
		s.section("stream", func(s *section) { c.Stream = s.stream() })
		s.section("dead_letter", func(s *section) { c.DeadLetter = s.deadLetter() })
		if s.has("outcomes") {
			s.section("outcomes", func(s *section) { c.Outcomes = s.outcomes() })
		}
		s.section("ledger", func(s *section) { c.Ledger = s.ledger() })
		c.Connections = s.connections()
		c.Routes = s.routes()
		s.section("admin", func(s *section) { c.Admin.Listen = s.listen("listen", "127.0.0.1:8080") })
		s.section("log", func(s *section) { c.Log = s.log() })
		c.ShutdownGrace = s.duration("shutdown_grace", 25*time.Second, 0)
	})
	return c
}

func (s *section) stream() Stream {
	out := Stream{
		Name:     s.streamName("name", "JOBS"),
		Subjects: []string{"jobs.>"},
		Manage:   choice(s, "manage", ManageCreate, ManageCreate, ManageNever),
	}
	if s.has("subjects") {
		out.Subjects = s.subjects("subjects")
	}
	made := []string{"replicas", "max_bytes", "duplicate_window"}
	for _, key := range made {
		if out.Manage == ManageNever && s.has(key) {
			s.warn(s.at(key), "is not used: with manage: never the stream stays as it is")
		}
	}
	out.Replicas = int(s.integer("replicas", 1, 1, 5))
	out.MaxBytes = s.integer("max_bytes", 0, 0, 1<<62)
	out.DuplicateWindow = s.duration("duplicate_window", 10*time.Minute, shortestAge)
	return out
}

func (s *section) deadLetter() DeadLetter {
	return DeadLetter{
		Stream:  s.streamName("stream", "JOBS_DEAD"),
		Subject: s.literalSubject("subject", "jobs-dead"),
		MaxAge:  s.lasting("max_age", 0, shortestAge),
	}
}

func (s *section) outcomes() *Outcomes {
	return &Outcomes{
		Stream:  s.streamName("stream", "JOBS_OUTCOME"),
		Subject: s.literalSubject("subject", "jobs-outcome"),
		MaxAge:  s.lasting("max_age", 24*time.Hour, shortestAge),
	}
}

func (s *section) ledger() Ledger {
	return Ledger{
		Bucket: s.bucketName("bucket", "JOBS_LEDGER"),
		TTL:    s.duration("ttl", 7*24*time.Hour, time.Second),
	}
}

func (s *section) log() Log {
	return Log{
		Level:  choice(s, "level", "info", "debug", "info", "warn", "error"),
		Format: choice(s, "format", "json", "json", "console"),
	}
}

func (s *section) tls() TLS {
	var out TLS
	s.section("tls", func(s *section) {
		out = TLS{CAFile: s.str("ca_file", ""), CertFile: s.str("cert_file", ""), KeyFile: s.str("key_file", "")}
		s.together("cert_file", "key_file")
	})
	return out
}

// together notes when only one of two keys is there.
func (s *section) together(a, b string) {
	for key, other := range map[string]string{a: b, b: a} {
		if s.has(key) && !s.has(other) {
			s.problem(s.at(key), "needs %s beside it", other)
		}
	}
}

func (s *section) breaker() retry.Breaker {
	var out retry.Breaker
	s.section("breaker", func(s *section) {
		out.Failures = int(s.integer("failures", 5, 1, unbounded))
		out.Open = s.duration("open", 30*time.Second, time.Millisecond)
	})
	return out
}

func (s *section) retry() retry.Settings {
	var out retry.Settings
	s.section("retry", func(s *section) {
		out.Attempts = int(s.integer("attempts", 8, 1, unbounded))
		out.First = s.duration("first", time.Second, time.Millisecond)
		out.Max = s.duration("max", 5*time.Minute, time.Millisecond)
		out.BusyFor = s.duration("busy_for", 24*time.Hour, 0)
		if out.First > out.Max {
			s.wrong(s.oneOf("first", "max"), "retry.first is %s and retry.max is %s; the first delay cannot be longer than the longest",
				brief(out.First), brief(out.Max))
		}
	})
	return out
}

// oneOf is the first of the keys that the file has.
func (s *section) oneOf(keys ...string) string {
	for _, key := range keys {
		if s.has(key) {
			return key
		}
	}
	return keys[0]
}
