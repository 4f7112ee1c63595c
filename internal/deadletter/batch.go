package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

const (
	mostLetters = 64      // of a batch
	mostBytes   = 8 << 20 // of a batch's payloads
	atOnce      = 16      // requests to the server
)

// pick is a letter that is to be replayed.
type pick struct {
	Stored
	to Destination
	// doubted tells that an earlier run may have published it.
	doubted bool
	// covered tells that the worker need not look, because the server still knows
	// what an earlier run published.
	covered bool
	// published tells that it is in the stream of requests, or was.
	published bool
	left      error // why it stays where it is, for certain
	err       error // what ends the run: nobody knows whether it was published, say
}

// message is what is published. What commanded the server when the publisher
// sent it is not sent again.
func (r *Replay) message(p *pick) *nats.Msg {
	m := &nats.Msg{Subject: p.to.Subject, Data: p.Data, Header: make(nats.Header, len(p.Header)+3)}
	named := bearable(p.to.RequestID)
	for name, values := range p.Header {
		if hasPrefixFold(name, natsPrefix) || named && strings.EqualFold(name, HeaderRequestID) {
			continue
		}
		m.Header[name] = values
	}
	if named {
		m.Header[HeaderRequestID] = []string{p.to.RequestID}
	}
	m.Header[jetstream.MsgIDHeader] = []string{MessageID(p.Hash)}
	m.Header[jetstream.ExpectedStreamHeader] = []string{r.Stream}
	return m
}

// bearable reports whether a header brings the id back as it is: NATS trims a
// value and makes one line of it. An id that would come back as another one is
// of the payload, where the worker finds it again.
func bearable(id string) bool {
	return id != "" && textproto.TrimString(id) == id && !strings.ContainsAny(id, "\r\n")
}

// replayPrefix stands before the hash in the message's id: the letter itself
// bears the bare hash.
const replayPrefix = "replay-"

// MessageID is the Nats-Msg-Id under which the letter of that hash is replayed.
func MessageID(hash string) string { return replayPrefix + hash }

// ReplayedHash is the hash of the letter that was replayed under a message id;
// empty: it is not such an id.
func ReplayedHash(messageID string) string {
	if hash, ok := strings.CutPrefix(messageID, replayPrefix); ok && isHash(hash) {
		return hash
	}
	return ""
}

// publish tries once. Every letter ends as published, left, or in doubt.
func (u *run) publish(ctx context.Context, p *pick) {
	if !u.journal.fresh() {
		p.left = errStoodStill
		return
	}
	// A message in the library's buffer would be sent at some later time.
	if !u.JetStream.Conn().IsConnected() {
		p.left = fmt.Errorf("deadletter: %w", ErrDisconnected)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, publishLimit)
	defer cancel()
	ack, err := u.JetStream.PublishMsg(ctx, u.message(p))
	switch {
	case err == nil && ack.Duplicate && !p.doubted:
		u.examine(ctx, p, ack.Sequence)
	case err == nil:
		p.published = true
	case notTaken(err):
		p.left = fmt.Errorf("deadletter: publish to %s: %w", p.to.Subject, err)
	default:
		p.err = fmt.Errorf("deadletter: publish to %s: no answer: run the replay again, which finds out what became of it: %w", p.to.Subject, err)
	}
}

// notTaken reports that the server said no, or that nothing was sent.
func notTaken(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		// Another publish of the same id is under way.
		return api.ErrorCode != codeDuplicateUnderWay
	}
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrReconnectBufExceeded)
}

// itsOwn reports that a refusal concerns this letter alone: others may fare
// better.
func itsOwn(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	_, refused := errors.AsType[*errRefused](err)
	return refused || errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, ErrPayload) ||
		ok && (api.ErrorCode == jetstream.JSErrCodeStreamMessageExceedsMaximum || api.ErrorCode == codeNotExpectedStream)
}

// The server's codes that the library does not name.
const (
	codeNotExpectedStream jetstream.ErrorCode = 10060
	codeDuplicateUnderWay jetstream.ErrorCode = 10158
)

// examine finds out who published under the letter's id: no run of which the
// journal knows.
func (u *run) examine(ctx context.Context, p *pick, sequence uint64) {
	m, err := get(ctx, u.JetStream, u.Stream, question{Seq: sequence})
	switch {
	case err == nil && first(m.Header, jetstream.MsgIDHeader) == MessageID(p.Hash) && m.Subject == p.to.Subject && bytes.Equal(m.Data, p.Data):
		p.published = true
	case err == nil || errors.Is(err, jetstream.ErrMsgNotFound):
		// Once the window is over it is published: then the worker shall look.
		p.left = u.note(ctx, p.Hash, p.past().with(past{firstTry: time.Unix(0, 0), unknownSince: wall()}), false)
		if p.left == nil {
			p.left = refusef("a message of the id %s was published within the stream's duplicate window, and not by a replay that is known here: "+
				"see in the worker's log what became of it; purge the letter if it was delivered, else replay it when the window is over", MessageID(p.Hash))
		}
	default:
		p.err = fmt.Errorf("deadletter: look for message %d of %s: %w", sequence, u.Stream, err)
	}
}

// each calls f for all picks, some at once.
func each(picks []*pick, f func(*pick)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, p := range picks {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			f(p)
		})
	}
	wg.Wait()
}

// send replays one batch. It was tried before where old is not nil.
func (u *run) send(picks []*pick, old *ledger.ReplayBatch) error {
	if len(picks) == 0 {
		return nil
	}
	now, err := u.look()
	if err != nil {
		u.keepDoubts(picks, old)
		return err
	}
	if old != nil && !now.covers(*old) && slices.ContainsFunc(picks, func(p *pick) bool { return p.covered }) {
		u.keepDoubts(picks, old)
		return errStoodStill
	}
	b := ledger.ReplayBatch{First: now.at, Last: now.last, Lineage: now.lineage}
	if old != nil {
		b = *old
	}
	b.Begun, b.Hashes = now.at, hashes(picks)
	if err := u.begin(b); err != nil {
		u.keepDoubts(picks, old)
		return err
	}
	each(picks, func(p *pick) {
		u.publish(u.books, p)
		if p.published {
			p.err = u.Store.remove(u.books, p.Place)
		}
	})
	return u.conclude(b, picks)
}

// keepDoubts is for a batch that was tried before, and was not tried again.
func (u *run) keepDoubts(picks []*pick, old *ledger.ReplayBatch) {
	if old != nil {
		b := *old
		b.Hashes = hashes(picks)
		u.doubts = append(u.doubts, b)
	}
}

// begin notes what is about to be published.
func (u *run) begin(b ledger.ReplayBatch) error {
	u.journal.now.Batches = append(slices.Clone(u.doubts), b)
	return u.journal.write(u.books)
}

// conclude tells of each letter, and keeps in mind what is in doubt. Its error
// is why there shall be no next batch.
func (u *run) conclude(b ledger.ReplayBatch, picks []*pick) (err error) {
	b.Hashes = nil
	for _, p := range picks {
		switch {
		case p.err != nil:
			b.Hashes = append(b.Hashes, p.Hash)
			err = errors.Join(err, onlyFirst(err, p.err))
		case p.published:
			u.tell(Replayed{Stored: p.Stored, Destination: p.to})
		default:
			if p.doubted {
				b.Hashes = append(b.Hashes, p.Hash)
			}
			u.tell(Replayed{Stored: p.Stored, Destination: p.to, Err: p.left})
			if !itsOwn(p.left) {
				err = errors.Join(err, onlyFirst(err, p.left))
			}
		}
	}
	if len(b.Hashes) > 0 {
		u.doubts = append(u.doubts, b)
	}
	u.journal.now.Batches = slices.Clone(u.doubts)
	return err
}

// onlyFirst keeps an outage from being told once for each letter.
func onlyFirst(have, next error) error {
	if have != nil {
		return nil
	}
	return next
}

func hashes(picks []*pick) []string {
	all := make([]string, len(picks))
	for i, p := range picks {
		all[i] = p.Hash
	}
	return all
}
