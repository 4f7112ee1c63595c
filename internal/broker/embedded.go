package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/secret"
)

// EmbeddedSettings describe a JetStream server inside the process. Without a
// user and a token anyone who reaches the listener is let in, which is refused
// beyond loopback.
type EmbeddedSettings struct {
	Listen   string // host:port; port 0: any that is free
	StoreDir string // made if it is missing, mode 0700
	User     string
	Password secret.Source // with User; read at each log-in
	Token    secret.Source // read at each log-in
	// Log is given the server's own lines, from notices up; nil: they are
	// dropped. It is called from many goroutines and must not block.
	Log func(line string)
}

const (
	lockName = "queueferry.lock"
	// maxPayload is the size in bytes of the largest message: the largest that
	// NATS recommends, so that a large request still fits with what a dead
	// letter adds.
	maxPayload   = 8 << 20
	listenerTime = 10 * time.Second
)

var errLocked = errors.New("locked by another process")

// Embedded is a JetStream server in this process, which publishers reach through
// its listener. Every write is synced to disk before it is acknowledged.
type Embedded struct {
	srv  *server.Server
	lock *os.File
	url  string
	once sync.Once

	marker string // path of the file that is there while the store is in use
	killed bool
}

// StartEmbedded returns once the server takes connections; after a crash that
// is when its store has been read. The error is a [*ConfigError] where the
// address is taken, or the store is in use or cannot be written.
func StartEmbedded(s EmbeddedSettings) (*Embedded, error) {
	host, port, err := s.address()
	if err != nil {
		return nil, err
	}
	lock, err := s.openStore()
	if err != nil {
		return nil, err
	}
	marker := filepath.Join(s.StoreDir, markerName)
	killed, err := mark(marker)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	e, err := s.start(host, port)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	e.lock, e.marker, e.killed = lock, marker, killed
	return e, nil
}

// markerName is of the file that is there while a server uses the store.
const markerName = "running"

// mark makes the marker, and reports whether it was there.
func mark(path string) (was bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
		return true, nil
	case err != nil:
		return false, misconfiguredBy(err, "nats.embedded.store_dir: cannot be written: let the account of the worker write to it, or choose another")
	}
	return false, f.Close()
}

// URL is where this process reaches the server.
func (e *Embedded) URL() string { return e.url }

// Killed reports whether the server that used the store before this one came to
// no orderly end: it may have forgotten what it delivered last.
func (e *Embedded) Killed() bool { return e.killed }

// Shutdown stops the server and returns when it is gone and its store is free. A
// second call waits for the first.
func (e *Embedded) Shutdown() {
	e.once.Do(func() {
		e.srv.Shutdown()
		e.srv.WaitForShutdown()
		_ = os.Remove(e.marker) // one that stays costs look-ups, no more
		// Nothing was written to the lock: there is nothing to lose.
		_ = e.lock.Close()
	})
}

func (s EmbeddedSettings) guarded() bool { return s.User != "" || s.Token.IsSet() }

func (s EmbeddedSettings) address() (string, int, error) {
	host, text, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return "", 0, misconfigured("nats.embedded.listen: %q is not of the form host:port", s.Listen)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, misconfigured("nats.embedded.listen: %q has no valid port", s.Listen)
	}
	if !s.guarded() && !loopback(host) {
		return "", 0, misconfigured("nats.embedded.listen: %s can be reached from outside: "+
			"set nats.user and nats.password or nats.token, or listen at 127.0.0.1", s.Listen)
	}
	if host == "" {
		host = "0.0.0.0" // the server's own default
	}
	if port == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(port), free(s.Listen)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// free finds out why an address cannot be listened at: the server itself only
// logs it.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return misconfiguredBy(err, "nats.embedded.listen: cannot listen at %s: choose another address, "+
			"or set nats.url if a NATS server runs there already", address)
	}
	return l.Close()
}

// openStore makes the directory, closes it to others and locks it.
func (s EmbeddedSettings) openStore() (*os.File, error) {
	// Everything is inside of the second one, which is always ours to close; the
	// first may be a mounted volume that belongs to someone else.
	inner := filepath.Join(s.StoreDir, server.JetStreamStoreDir)
	if err := os.MkdirAll(inner, 0o700); err != nil {
		return nil, misconfiguredBy(err, "nats.embedded.store_dir: cannot be made: set it to a directory on a lasting disk that the worker may write to")
	}
	if err := os.Chmod(inner, 0o700); err != nil {
		return nil, misconfiguredBy(err, "nats.embedded.store_dir: cannot be closed to other users")
	}
	_ = os.Chmod(s.StoreDir, 0o700)
	lock, err := lockFile(filepath.Join(s.StoreDir, lockName))
	if errors.Is(err, errLocked) {
		return nil, misconfigured("nats.embedded.store_dir: another process uses %s: "+
			"give each worker a store of its own, or let them share one server by nats.url", s.StoreDir)
	}
	if err != nil {
		return nil, misconfiguredBy(err, "nats.embedded.store_dir: cannot be written: let the account of the worker write to it, or choose another")
	}
	return lock, nil
}

// EmbeddedName is the name of every server inside of a worker.
const EmbeddedName = "queueferry"

func (s EmbeddedSettings) start(host string, port int) (*Embedded, error) {
	o := &server.Options{
		ServerName:             EmbeddedName,
		Host:                   host,
		Port:                   port,
		MaxPayload:             maxPayload,
		JetStream:              true,
		StoreDir:               s.StoreDir,
		SyncAlways:             true,
		NoSigs:                 true,
		NoLog:                  true,
		DisableJetStreamBanner: true,
	}
	if s.guarded() {
		o.CustomClientAuthentication = &doorkeeper{user: s.User, password: s.Password, token: s.Token}
	}
	srv, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("broker: embedded server: %w", err)
	}
	log := &serverLog{line: s.Log}
	srv.SetLogger(log, false, false)
	srv.Start()
	if err := ready(srv, log); err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("broker: embedded server: %w", err)
	}
	return &Embedded{srv: srv, url: reachable(srv.ClientURL())}, nil
}

func ready(srv *server.Server, log *serverLog) error {
	if fatal := log.fatal(); fatal != "" {
		return errors.New(fatal)
	}
	if !srv.ReadyForConnections(listenerTime) {
		return fmt.Errorf("not ready after %v", listenerTime)
	}
	return nil
}

// reachable names an address of this host where the server listens at all.
func reachable(url string) string {
	url = strings.Replace(url, "://0.0.0.0:", "://127.0.0.1:", 1)
	return strings.Replace(url, "://[::]:", "://[::1]:", 1)
}
