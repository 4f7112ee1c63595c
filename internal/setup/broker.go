package setup

import (
	"net"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
)

// NATS is how to reach the NATS servers. With an embedded server it has the
// log-in and no URL: that is known once the server runs.
func NATS(n config.NATS) broker.Settings {
	return broker.Settings{
		URL: n.URL, CredentialsFile: n.CredentialsFile, NKeyFile: n.NKeyFile,
		User: n.User, Password: n.Password, Token: n.Token, TLS: broker.TLS(n.TLS),
	}
}

// Client is how another process than the worker reaches the NATS servers: as
// [NATS], with the address of the server inside of a running worker. It reports
// false where that one takes any free port, so that nobody can find it.
func Client(n config.NATS) (s broker.Settings, ok bool) {
	s = NATS(n)
	if n.Embedded == nil {
		return s, true
	}
	address, ok := Reach(n.Embedded.Listen)
	if ok {
		s.URL = "nats://" + address
	}
	return s, ok
}

// Reach is the address at which this machine reaches what listens at host:port.
// It reports false where that takes any free port.
func Reach(listen string) (address string, ok bool) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return "", false
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port), true
}

// Embedded is the server inside of the worker, which tells log what it says. It
// is for a configuration that has one.
func Embedded(n config.NATS, log func(line string)) broker.EmbeddedSettings {
	return broker.EmbeddedSettings{
		Listen: n.Embedded.Listen, StoreDir: n.Embedded.StoreDir,
		User: n.User, Password: n.Password, Token: n.Token, Log: log,
	}
}

// Topology is what must exist on the server.
func Topology(cfg *config.Config) broker.Topology {
	s, d := cfg.Stream, cfg.DeadLetter
	t := broker.Topology{
		Create: s.Manage != config.ManageNever,
		Stream: broker.Stream{
			Name: s.Name, Subjects: s.Subjects, Replicas: s.Replicas, MaxBytes: s.MaxBytes, DuplicateWindow: s.DuplicateWindow,
		},
		DeadLetter: broker.DeadLetter{Stream: d.Stream, Subject: d.Subject, MaxAge: d.MaxAge},
		Bucket:     cfg.Ledger.Bucket,
	}
	for _, r := range cfg.Routes {
		t.Consumers = append(t.Consumers, broker.Consumer{
			Name: r.Name, Subjects: r.Subjects, AckWait: r.AckWait, MaxAckPending: r.MaxAckPending,
		})
	}
	return t
}
