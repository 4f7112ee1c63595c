package broker

import "sync"

// maxTold bounds the texts remembered: after so many different ones, none is
// reported until there is a connection.
const maxTold = 100

// reporter passes on errors, each text once between two connections. Its methods
// are safe for concurrent use.
type reporter struct {
	on func(error) // may be nil

	mu   sync.Mutex
	told map[string]bool
	held error // found under the library's lock, where nothing may be called
}

func newReporter(on func(error)) *reporter {
	return &reporter{on: on, told: map[string]bool{}}
}

// hold keeps the error until the next report.
func (r *reporter) hold(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = err
}

// error reports what is held, if anything, and err.
func (r *reporter) error(err error) {
	r.mu.Lock()
	held := r.held
	r.held = nil
	r.mu.Unlock()
	r.once(held)
	r.once(err)
}

func (r *reporter) once(err error) {
	if err != nil && r.on != nil && r.first(err.Error()) {
		r.on(err)
	}
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
