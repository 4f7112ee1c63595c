package uipath

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// jobBook remembers the jobs that were started, for the look-ups of those of
// which nobody knows. The zero value is empty. It is safe for concurrent use.
type jobBook struct {
	mu      sync.Mutex
	owners  map[string]string   // the id of the request that a job belongs to, by the job's id and key
	order   []string            // of owners, oldest first
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
	maxOwners = 8192
	maxProofs = 1024
	proofLife = time.Hour
)

// take notes that jobs belong to a request, unless one belongs to another.
func (b *jobBook) take(request string, rows []jobRow) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range rows {
		if b.belongsToOther(request, row) {
			return false
		}
	}
	for _, row := range rows {
		for _, name := range row.names() {
			b.own(request, name)
		}
	}
	return true
}

// notOfOthers leaves out the jobs that belong to another request.
func (b *jobBook) notOfOthers(request string, rows []jobRow) (left []jobRow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range rows {
		if !b.belongsToOther(request, row) {
			left = append(left, row)
		}
	}
	return left
}

// belongsToOther needs the lock.
func (b *jobBook) belongsToOther(request string, row jobRow) bool {
	return slices.ContainsFunc(row.names(), func(name string) bool {
		owner, ok := b.owners[name]
		return ok && owner != request
	})
}

// own needs the lock.
func (b *jobBook) own(request, name string) {
	if _, ok := b.owners[name]; ok {
		return
	}
	if b.owners == nil {
		b.owners = map[string]string{}
	}
	b.owners[name] = request
	if b.order = append(b.order, name); len(b.order) > maxOwners {
		delete(b.owners, b.order[0])
		b.order = b.order[1:]
	}
}

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
