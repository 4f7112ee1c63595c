package consumer

import (
	"context"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
)

// book is a Ledger in memory whose operations may be made to fail.
type book struct {
	// The faults see the record and may be nil. After an error nothing is
	// written, but for written.
	onLoad  func(n int) error
	onStore func(n int, r ledger.Record) error
	written bool // what onStore refuses takes effect all the same

	onClaim func(n int, c ledger.Claim) error // as onStore
	// onLoadClaim may change the claims right before one is loaded.
	onLoadClaim func(map[ledger.Key]ledger.ClaimEntry)
	made        time.Time // the bucket

	mu      sync.Mutex
	claims  map[ledger.Key]ledger.ClaimEntry
	claimed []ledger.Claim // that were tried
	entries map[ledger.Key]ledger.Entry
	next    uint64
	loads   int
	asked   ledger.Key      // the last that was loaded
	stores  []ledger.Record // that were tried
	deleted int
}

func newBook() *book {
	return &book{entries: map[ledger.Key]ledger.Entry{}, claims: map[ledger.Key]ledger.ClaimEntry{}}
}

func (b *book) Made(context.Context) (time.Time, error) { return b.made, nil }

func (b *book) LoadClaim(_ context.Context, k ledger.Key) (ledger.ClaimEntry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.onLoadClaim != nil {
		b.onLoadClaim(b.claims)
	}
	return b.claims[k], nil
}

func (b *book) StoreClaim(_ context.Context, k ledger.Key, revision uint64, c ledger.Claim, _ time.Duration) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.claimed = append(b.claimed, c)
	if b.claims[k].Revision != revision {
		return 0, ledger.ErrConflict
	}
	var err error
	if b.onClaim != nil {
		err = b.onClaim(len(b.claimed), c)
	}
	if err == nil || b.written {
		b.next++
		b.claims[k] = ledger.ClaimEntry{Claim: c, Revision: b.next}
	}
	return b.claims[k].Revision, err
}

// claim is the one claim that is there; the zero entry for none.
func (b *book) claim() (e ledger.ClaimEntry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.claims {
		e = one
	}
	return e
}

func (b *book) Load(_ context.Context, k ledger.Key) (ledger.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.loads++
	b.asked = k
	if b.onLoad != nil {
		if err := b.onLoad(b.loads); err != nil {
			return ledger.Entry{}, err
		}
	}
	return b.entries[k], nil
}

func (b *book) Store(_ context.Context, k ledger.Key, revision uint64, r ledger.Record) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stores = append(b.stores, r)
	if b.entries[k].Revision != revision {
		return 0, ledger.ErrConflict
	}
	if b.onStore != nil {
		if err := b.onStore(len(b.stores), r); err != nil {
			if b.written {
				b.put(k, r)
			}
			return 0, err
		}
	}
	return b.put(k, r), nil
}

func (b *book) put(k ledger.Key, r ledger.Record) uint64 {
	b.next++
	b.entries[k] = ledger.Entry{Record: r, Revision: b.next}
	return b.next
}

func (b *book) Delete(_ context.Context, k ledger.Key, revision uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if revision != 0 && b.claims[k].Revision == revision {
		delete(b.claims, k)
	}
	if revision != 0 && b.entries[k].Revision == revision {
		delete(b.entries, k)
		b.deleted++
	}
	return nil
}

// tried are the records that were given to Store.
func (b *book) tried() []ledger.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]ledger.Record(nil), b.stores...)
}

// has is the one record that is there; the zero Entry for none.
func (b *book) has() (e ledger.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.entries {
		e = one
	}
	return e
}

// looked is how often a record was loaded.
func (b *book) looked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loads
}

// removed is how many records were deleted.
func (b *book) removed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.deleted
}

// letters is a DeadLetters that passes on what its fault lets through.
type letters struct {
	to    DeadLetters
	fault func(n int) (before, after error) // of the n-th letter

	mu  sync.Mutex
	all []deadletter.Letter
}

func (l *letters) Publish(ctx context.Context, letter deadletter.Letter) error {
	l.mu.Lock()
	l.all = append(l.all, letter)
	n := len(l.all)
	l.mu.Unlock()
	before, after := l.fault(n)
	if before != nil {
		return before
	}
	if err := l.to.Publish(ctx, letter); err != nil {
		return err
	}
	return after
}

// tried are the letters that were to be published.
func (l *letters) tried() []deadletter.Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]deadletter.Letter(nil), l.all...)
}

// slowBook is a ledger that does not answer before it must.
type slowBook struct{}

func (slowBook) Load(ctx context.Context, _ ledger.Key) (ledger.Entry, error) {
	<-ctx.Done()
	return ledger.Entry{}, ctx.Err()
}

func (slowBook) Store(ctx context.Context, _ ledger.Key, _ uint64, _ ledger.Record) (uint64, error) {
	<-ctx.Done()
	return 0, ledger.ErrUncertain
}

func (slowBook) Delete(ctx context.Context, _ ledger.Key, _ uint64) error {
	<-ctx.Done()
	return ledger.ErrUncertain
}

func (slowBook) Made(ctx context.Context) (time.Time, error) {
	<-ctx.Done()
	return time.Time{}, ctx.Err()
}

func (slowBook) LoadClaim(ctx context.Context, _ ledger.Key) (ledger.ClaimEntry, error) {
	<-ctx.Done()
	return ledger.ClaimEntry{}, ctx.Err()
}

func (slowBook) StoreClaim(ctx context.Context, _ ledger.Key, _ uint64, _ ledger.Claim, _ time.Duration) (uint64, error) {
	<-ctx.Done()
	return 0, ledger.ErrUncertain
}
