package natstest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports that FreeAddress chooses from: below those that systems give to
// whoever names none, so that the ends of other tests' connections stay away.
const (
	firstPort = 10_000
	ports     = 22_000
)

// FreeAddress is a host and port of this machine where nobody listens, and where
// hardly anybody comes to by chance: one can listen there later, leave, and listen
// again.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort(host, strconv.Itoa(freePort(t)))
}

func freePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		port := firstPort + rand.IntN(ports)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatalf("natstest: no free port: %v", err)
	return 0
}
