package uipath

import (
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// jobBook remembers the jobs that were started, for the look-ups of those of
// which nobody knows. The zero value is empty. It is safe for concurrent use.
type jobBook struct {
	owners owners

	mu      sync.Mutex
	proofs  map[string]jobProof // by folder
	trusted bool                // a look-up has found a job that was looked for
}

// jobProof is a job of which it is certain that it was started: a look-up by
// reference that works finds it.
type jobProof struct {
	reference string
	receipt   job.Receipt
	at        time.Time
}

// How much a book holds, and how long it keeps to one job of a folder: a new one
// may not be in the lists yet, an old one may have been deleted.
const (
	maxProofs = 1024
	proofLife = time.Hour
)

// delivered notes a start that the API confirmed.
func (b *jobBook) delivered(r *job.Request, row jobRow, now time.Time) {
	if filterLength(r.Reference) > maxProofReference {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	folder := strings.ToLower(r.Folder)
	if old, ok := b.proofs[folder]; ok && now.Sub(old.at) < proofLife {
		return
	}
	if b.proofs == nil || len(b.proofs) >= maxProofs {
		b.proofs = map[string]jobProof{}
	}
	b.proofs[folder] = jobProof{r.Reference, row.receipt(), now}
}

// maxProofReference is what the address of a look-up has room for beside the
// references looked for: it bounds the proof's, in bytes as they stand in the
// filter.
const maxProofReference = 400

// proof is the job that a look-up in the folder must find; the zero value if
// there is none.
func (b *jobBook) proof(folder string) (p jobProof, trusted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.proofs[strings.ToLower(folder)], b.trusted
}

// trust notes that a look-up found what it had to.
func (b *jobBook) trust() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trusted = true
}

// distrust notes that it did not. The next job that is started is the next
// chance.
func (b *jobBook) distrust(folder string, p jobProof) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trusted = false
	b.forget(folder, p)
}

// drop forgets a proof that is of no use, which says nothing of the filter.
func (b *jobBook) drop(folder string, p jobProof) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(folder, p)
}

// forget needs the lock.
func (b *jobBook) forget(folder string, p jobProof) {
	if folder = strings.ToLower(folder); b.proofs[folder] == p {
		delete(b.proofs, folder)
	}
}
