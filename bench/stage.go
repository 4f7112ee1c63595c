package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stage is what all trials have in common: the server in a process of its own,
// the mock in this one.
type stage struct {
	dir    string
	server *process
	nc     *nats.Conn
	js     jetstream.JetStream
	mock   *mock
	trials int
}

func openStage(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "queueferry-bench-"); err != nil {
		return s, err
	}
	s.mock = newMock()
	if err = os.WriteFile(s.caFile(), s.mock.certificate(), 0o600); err != nil {
		return s, err
	}
	if s.server, err = start(context.WithoutCancel(ctx), natsServer, task{Store: filepath.Join(s.dir, "jetstream")}); err != nil {
		return s, err
	}
	if s.nc, err = nats.Connect(s.server.first.URL); err != nil {
		return s, err
	}
	s.js, err = jetstream.New(s.nc, jetstream.WithPublishAsyncMaxPending(4096))
	return s, err
}

func (s *stage) caFile() string { return filepath.Join(s.dir, "ca.pem") }

// tokenFile is that of one of several callers; its token is its number.
func (s *stage) tokenFile(caller int) (string, error) {
	path := filepath.Join(s.dir, "token-"+strconv.Itoa(caller))
	return path, os.WriteFile(path, []byte(token(caller)), 0o600)
}

func token(caller int) string { return "caller-" + strconv.Itoa(caller) }

func (s *stage) close() {
	if s.nc != nil {
		s.nc.Close()
	}
	if s.server != nil {
		_ = s.server.stop()
	}
	if s.mock != nil {
		s.mock.close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
