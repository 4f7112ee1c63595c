package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const serverReady = 20 * time.Second

// serveNATS is a JetStream server with a file store, set up as a server of one's
// own is by default: it syncs now and then, not with each write.
func serveNATS(ctx context.Context, t task, ready func(string)) error {
	srv, err := server.NewServer(&server.Options{
		ServerName: "bench", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.Store, JetStreamMaxStore: 8 << 30, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return err
	}
	srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(serverReady) {
		return errors.New("the NATS server did not get ready")
	}
	ready(srv.ClientURL())
	<-ctx.Done()
	return nil
}
