package broker

import (
	"crypto/subtle"
	"fmt"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/secret"
)

// doorkeeper lets in who knows the user's password, or the token, as it is now.
type doorkeeper struct {
	user            string
	password, token secret.Source
}

// Check implements the server's authentication. A secret that is missing lets
// nobody in.
func (d *doorkeeper) Check(c server.ClientAuthentication) bool {
	o := c.GetOpts()
	if d.user != "" && same(o.Username, d.user) && matches(o.Password, d.password) {
		return true
	}
	return d.token.IsSet() && matches(o.Token, d.token)
}

func matches(given string, s secret.Source) bool {
	want, err := s.Read()
	return err == nil && same(given, want)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// serverLog passes the server's lines on and keeps the first fatal one: the
// server goes on after it, without what failed.
type serverLog struct {
	line func(string) // may be nil

	mu    sync.Mutex
	first string
}

func (l *serverLog) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

func (l *serverLog) pass(level, format string, args []any) {
	if l.line != nil {
		l.line(level + ": " + fmt.Sprintf(format, args...))
	}
}

// Fatalf is called with the server's lock held, so it does no more than keep the
// text.
func (l *serverLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	if l.first == "" {
		l.first = fmt.Sprintf(format, args...)
	}
	l.mu.Unlock()
	l.pass("fatal", format, args)
}

// Noticef, Warnf and Errorf pass a line on; Debugf and Tracef drop it.

func (l *serverLog) Noticef(format string, args ...any) { l.pass("notice", format, args) }
func (l *serverLog) Warnf(format string, args ...any)   { l.pass("warning", format, args) }
func (l *serverLog) Errorf(format string, args ...any)  { l.pass("error", format, args) }
func (l *serverLog) Debugf(string, ...any)              {}
func (l *serverLog) Tracef(string, ...any)              {}
