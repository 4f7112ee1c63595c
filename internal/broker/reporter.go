package broker

import (
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// maxTold bounds the texts remembered: after so many different ones, none is
// reported until there is a connection.
const maxTold = 100

// reporter passes on errors, each text once between two connections. Its methods
// are safe for concurrent use.
type reporter struct {
	on func(error) // may be nil

	mu   sync.Mutex
	told map[string]bool
	held error // found under the library's lock, where nothing may be called; nil: the secret is there
}

func newReporter(on func(error)) *reporter {
	return &reporter{on: on, told: map[string]bool{}}
}

// hold keeps what is wrong with the log-in's secret, nil if it is there: it tells
// why a log-in is refused.
func (r *reporter) hold(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = err
}

// error reports err, or what is held in place of a log-in that was refused.
func (r *reporter) error(err error) {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if held != nil && errors.Is(err, nats.ErrAuthorization) {
		err = held
	}
	// That no server is left to try says nothing: the next try tells why.
	if err != nil && !errors.Is(err, nats.ErrNoServers) && r.on != nil && r.first(topic(err)) {
		r.on(err)
	}
}

// topic is the same for the same cause, where the text holds a time, a port or
// the number of a message.
func topic(err error) string {
	if f, ok := encryptionFault(err); ok {
		return f.Detail
	}
	if what := deniedSubject(err); what != "" {
		return what
	}
	return strings.ToLower(err.Error())
}

func (r *reporter) first(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told[text] || len(r.told) >= maxTold {
		return false
	}
	r.told[text] = true
	return true
}

// reset starts anew, now that there is a connection.
func (r *reporter) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.told)
	r.held = nil
}
