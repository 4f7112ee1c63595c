package check

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
	"github.com/queueferry/queueferry/internal/secret"
)

// listener is a server that does with each connection what handle says.
func listener(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// What keeps a connection from coming about is named, with what to do about it.
func TestNATSFaults(t *testing.T) {
	t.Parallel()
	own := newPEM(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	other := newPEM(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	secured := func(t *testing.T, client bool) string {
		return natstest.Start(t, func(o *server.Options) {
			o.TLS, o.TLSTimeout = true, 10
			o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own.pair(t)}}
			if client {
				o.TLSVerify, o.TLSConfig.ClientAuth = true, tls.RequireAnyClientCert
			}
		}).URL()
	}
	guarded := func(t *testing.T) string {
		return natstest.Start(t, func(o *server.Options) { o.Username, o.Password = "worker", "right" }).URL()
	}
	tests := map[string]struct {
		nats           func(t *testing.T) config.NATS
		detail, remedy string
	}{
		"nobody listens": {func(t *testing.T) config.NATS {
			s := natstest.Start(t)
			s.Shutdown()
			return config.NATS{URL: s.URL()}
		}, "nobody listens there", "Start the server"},
		"a name that does not exist": {func(*testing.T) config.NATS {
			return config.NATS{URL: "nats://nowhere.invalid:4222"}
		}, "nowhere.invalid", "name resolution"},
		"a wrong password": {func(t *testing.T) config.NATS {
			return config.NATS{URL: guarded(t), User: "worker", Password: secret.Literal("wrong")}
		}, "refuses the log-in", "log-in under nats"},
		"no log-in": {func(t *testing.T) config.NATS { return config.NATS{URL: guarded(t)} }, "refuses the log-in", "log-in under nats"},
		"a secret that is missing": {func(t *testing.T) config.NATS {
			return config.NATS{URL: guarded(t), User: "worker", Password: secret.File(t.TempDir() + "/none")}
		}, "its secret is missing", "into its file"},
		"a CA that is not known": {func(t *testing.T) config.NATS {
			return config.NATS{URL: secured(t, false), TLS: config.TLS{CAFile: other.cert}}
		}, "unknown authority", "nats.tls.ca_file"},
		"a certificate for another name": {func(t *testing.T) config.NATS {
			return config.NATS{URL: strings.Replace(secured(t, false), "127.0.0.1", "localhost", 1), TLS: config.TLS{CAFile: own.cert}}
		}, "not for this name", "name of the certificate"},
		"a client certificate that is wanted": {func(t *testing.T) config.NATS {
			return config.NATS{URL: secured(t, true), TLS: config.TLS{CAFile: own.cert}}
		}, "demands a client certificate", "nats.tls.cert_file"},
		"a server without TLS": {func(t *testing.T) config.NATS {
			return config.NATS{URL: strings.Replace(natstest.Start(t).URL(), "nats://", "tls://", 1)}
		}, "has no TLS", "nats://"},
		"a server that says nothing": {func(t *testing.T) config.NATS {
			over := make(chan struct{})
			url := "nats://" + listener(t, func(net.Conn) { <-over })
			t.Cleanup(func() { close(over) })
			return config.NATS{URL: url}
		}, "no answer in time", "no firewall"},
		"something else than NATS": {func(t *testing.T) config.NATS {
			return config.NATS{URL: "nats://" + listener(t, func(c net.Conn) {
				_, _ = fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			})}
		}, "does not answer as a NATS server", "port"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b book
			b.onlineNATS(t.Context(), &config.Config{NATS: tt.nats(t)}, Options{})
			if len(b.findings) != 2 || b.findings[0].Status != finding.Error || b.findings[1].Status != finding.Unknown || b.misconfigured {
				t.Fatalf("%+v", b.findings)
			}
			f := b.findings[0]
			if !strings.Contains(f.Detail, tt.detail) || !strings.Contains(f.Remedy, tt.remedy) {
				t.Errorf("%q: %q", f.Detail, f.Remedy)
			}
		})
	}
}

// Without an address the worker's own server is meant: a check never starts it.
func TestNATSInsideOfTheWorker(t *testing.T) {
	t.Parallel()
	s := natstest.Start(t, func(o *server.Options) { o.ServerName = broker.EmbeddedName })
	listen := strings.TrimPrefix(s.URL(), "nats://")
	inside := func(listen string) book {
		var b book
		b.onlineNATS(context.Background(), &config.Config{NATS: config.NATS{Embedded: &config.Embedded{Listen: listen, StoreDir: t.TempDir()}}}, Options{})
		return b
	}
	if f := inside(listen).findings[0]; f.Status != finding.OK {
		t.Errorf("a worker runs: %+v", f)
	}
	s.Shutdown()
	if f := inside(listen).findings[0]; f.Status != finding.Unknown || !strings.Contains(f.Detail, "the worker starts it") {
		t.Errorf("no worker runs: %+v", f)
	}
	other := natstest.Start(t)
	if found := inside(strings.TrimPrefix(other.URL(), "nats://")).findings; len(found) != 1 || found[0].Status != finding.Error || !strings.Contains(found[0].Detail, "not a worker's") {
		t.Errorf("another server: %+v", found)
	}
	if f := inside("127.0.0.1:0").findings[0]; f.Status != finding.Unknown {
		t.Errorf("any port: %+v", f)
	}
}
