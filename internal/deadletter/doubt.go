package deadletter

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

// settleDoubts finds out what became of the letters that earlier runs left in
// doubt: those that were published are deleted, the others are replayed if the
// filter chooses them, and stay noted if it does not.
func (u *run) settleDoubts(f Filter) error {
	for _, b := range slices.Clone(u.doubts) {
		if u.ctx.Err() != nil {
			return u.ctx.Err()
		}
		u.doubts = u.doubts[1:] // what stays in doubt goes to the end
		if err := u.settle(b, f); err != nil {
			return err
		}
		u.journal.now.Batches = slices.Clone(u.doubts)
	}
	return nil
}

// settle is of one batch. Until it is settled the journal has it.
func (u *run) settle(b ledger.ReplayBatch, f Filter) error {
	left, err := u.stillThere(b)
	if err != nil {
		u.doubts = append(u.doubts, b)
		return err
	}
	send, kept, err := u.sort(b, left, f)
	if err != nil {
		u.doubts = append(u.doubts, b)
		return err
	}
	if len(kept) > 0 {
		others := b
		others.Hashes = kept
		u.doubts = append(u.doubts, others)
	}
	return u.send(send, &b)
}

// stillThere is the letters of a batch that are letters still.
func (u *run) stillThere(b ledger.ReplayBatch) (all []*pick, err error) {
	for _, hash := range b.Hashes {
		m, err := get(u.books, u.JetStream, u.Store.name, question{LastFor: u.Store.subject + ".*." + hash})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("deadletter: look for letter %s: %w", hash, err)
		}
		p := &pick{Stored: read(m.Subject, m.Header, m.Data), doubted: true}
		p.Place, p.At = m.Sequence, m.Time
		p.Data, p.left = unpack(m.Header, m.Data)
		all = append(all, p)
	}
	return all, nil
}

// sort says of each letter whether it is to be published again or stays in
// doubt; the others are done with.
func (u *run) sort(b ledger.ReplayBatch, picks []*pick, f Filter) (send []*pick, kept []string, err error) {
	if len(picks) == 0 {
		return nil, nil, nil
	}
	now, err := u.look()
	if err != nil {
		return nil, nil, err
	}
	same := b.Lineage != "" && b.Lineage == now.lineage
	untouched := same && b.Last == now.last                                          // nothing was published
	covered := now.covers(b)                                                         // the server knows what was
	found, extra := map[string]bool{}, past{firstTry: b.First, unknownSince: wall()} // what was published may be carried out by now
	if untouched || covered {
		extra = past{}
	} else if found, err = u.search(b, now, same); err != nil {
		return nil, nil, err
	}
	for _, p := range picks {
		switch {
		case found[p.Hash]:
			if err := u.finish(p, f); err != nil {
				return nil, nil, err
			}
		case !f.Match(p.Stored):
			if !untouched {
				kept = append(kept, p.Hash)
			}
		default:
			p.doubted, p.covered = !untouched, !untouched && covered
			u.address(p)
			if err := u.prepare(p, extra); err != nil {
				return nil, nil, err
			}
			if p.left == nil {
				send = append(send, p)
				break
			}
			u.tell(Replayed{Stored: p.Stored, Destination: p.to, Err: p.left})
			kept = append(kept, p.Hash)
		}
	}
	return send, kept, nil
}

// finish deletes a letter that an earlier run published.
func (u *run) finish(p *pick, f Filter) error {
	if err := u.Store.remove(u.books, p.Place); err != nil {
		return err
	}
	p.to, _ = u.Target(p.Stored)
	u.tell(Replayed{Stored: p.Stored, Destination: p.to, Unchosen: !f.Match(p.Stored)})
	return nil
}

// search looks for the batch among the messages that were stored since it was
// begun, up to now: a server that was frozen stores late what it was sent. It may
// have lost some of what came before, so that sequences mean nothing where it is
// another one.
func (u *run) search(b ledger.ReplayBatch, now sight, same bool) (map[string]bool, error) {
	found := map[string]bool{}
	from := b.Last + 1
	if !same {
		from = 1
	}
	for from <= now.last && u.ctx.Err() == nil {
		m, err := get(u.books, u.JetStream, u.Stream, question{Seq: from, NextFor: ">"})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err == nil {
			err = u.journal.keep(u.books)
		}
		if err != nil {
			return nil, fmt.Errorf("deadletter: look for what was published: %w", err)
		}
		if hash := ReplayedHash(first(m.Header, jetstream.MsgIDHeader)); hash != "" {
			found[hash] = true
		}
		from = m.Sequence + 1
	}
	return found, u.ctx.Err()
}
