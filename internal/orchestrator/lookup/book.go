package lookup

import (
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// Book remembers what was started, for the look-ups of what nobody knows. The
// zero value is empty. It is safe for concurrent use.
type Book struct {
	Owners Owners

	mu      sync.Mutex
	proofs  map[string]Proof // by scope
	trusted bool             // a look-up has found what was looked for
}

// Proof is something of which it is certain that it was started: a look-up by
// reference that works finds it. The zero value is none.
type Proof struct {
	Reference string
	Receipt   job.Receipt
	At        time.Time
}

// How much a book holds, and how long it keeps to one proof of a scope: a new one
// may not be in the lists yet, an old one may have been deleted.
const (
	maxProofs = 1024
	ProofLife = time.Hour
)

// Delivered notes a start that the API confirmed, in a scope that look-ups have in
// common, as a folder; its case does not matter.
func (b *Book) Delivered(scope string, p Proof) {
	b.mu.Lock()
	defer b.mu.Unlock()
	scope = strings.ToLower(scope)
	if old, ok := b.proofs[scope]; ok && p.At.Sub(old.At) < ProofLife {
		return
	}
	if b.proofs == nil || len(b.proofs) >= maxProofs {
		b.proofs = map[string]Proof{}
	}
	b.proofs[scope] = p
}

// Proof is what a look-up in the scope must find; the zero value if there is
// none.
func (b *Book) Proof(scope string) (p Proof, trusted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.proofs[strings.ToLower(scope)], b.trusted
}

// Trust notes that a look-up found what it had to.
func (b *Book) Trust() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trusted = true
}

// Drop forgets a proof that is of no use, which says nothing of the filter.
func (b *Book) Drop(scope string, p Proof) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(scope, p)
}

// distrust notes that a look-up did not find what it had to. What is started next
// is the next chance.
func (b *Book) distrust(scope string, p Proof) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trusted = false
	b.forget(scope, p)
}

// forget needs the lock.
func (b *Book) forget(scope string, p Proof) {
	if scope = strings.ToLower(scope); b.proofs[scope] == p {
		delete(b.proofs, scope)
	}
}

// Belief says what it means that a list does not show a thing.
type Belief int

// The beliefs.
const (
	// Unproven: nothing, for no look-up has found what it had to yet.
	Unproven Belief = iota
	// Missing: nothing, for the list does not even show the proof.
	Missing
	// Believed: that there is none, once what is young has come of age.
	Believed
)

// Judge says what is to be believed of a list of the scope that was asked for the
// proof, too, and showed it or not. p and trusted are what [Book.Proof] gave
// before. young is how long the proof may still be missing without a meaning,
// settle after it was made; then ask again.
func (b *Book) Judge(scope string, p Proof, trusted, shown bool, settle time.Duration) (belief Belief, young time.Duration) {
	proven := p != Proof{}
	young = time.Until(p.At.Add(settle))
	switch {
	case proven && shown:
		b.Trust()
		return Believed, 0
	case proven && young <= 0:
		b.distrust(scope, p)
		return Missing, 0
	case trusted:
		return Believed, 0
	case proven:
		return Believed, young
	}
	return Unproven, 0
}
