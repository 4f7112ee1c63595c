package integration

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
)

// witness listens to one worker and NATS, and knows what the worker said of each
// message. It is safe for concurrent use.
type witness struct {
	trap *trap

	mu    sync.Mutex
	ids   map[string]string   // of the requests, by where their acks go
	words map[string][]string // by the request's id, in order
}

func newWitness(t *testing.T, upstream string) *witness {
	t.Helper()
	w := &witness{ids: map[string]string{}, words: map[string][]string{}}
	w.trap = newTrap(t, strings.TrimPrefix(upstream, "nats://"), func(f frame, pass func()) {
		w.note(f)
		pass()
	})
	return w
}

func (w *witness) note(f frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.toWorker && strings.HasPrefix(f.reply, "$JS.ACK.") {
		var request struct{ ID string }
		if json.Unmarshal(f.payload, &request) == nil {
			w.ids[f.reply] = request.ID
		}
	}
	for _, word := range []string{"+ACK", "-NAK", "+TERM"} {
		if id := w.ids[f.subject]; f.answers(word) {
			w.words[id] = append(w.words[id], word)
		}
	}
}

// said gives the ids of the messages of which the worker said a word.
func (w *witness) said(word string) (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, words := range w.words {
		if slices.Contains(words, word) {
			ids = append(ids, id)
		}
	}
	return ids
}
