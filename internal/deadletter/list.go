package deadletter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	mostResets  = 5                // tries to go on after the connection was lost: 15 seconds and more
	abandoned   = 30 * time.Second // after which the server forgets a listing
	goodbye     = 2 * time.Second
	emptyFilter = "*"
)

// List is the letters that the filter chooses, oldest first, with or without
// their payload. It ends at what was there when it began, and has few letters in
// hand at a time, however many there are. An error that wraps [ErrPayload] is of
// that letter alone, which is otherwise complete; any other one ends the list.
// A connection that is lost for a while is waited for.
func (s *Store) List(ctx context.Context, f Filter, payload bool) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		err := s.list(ctx, f, payload, func(l Stored, err error) bool {
			return !f.Match(l) || yield(l, err)
		})
		if err != nil {
			yield(Stored{}, err)
		}
	}
}

// list calls see with what the server finds by subject, until see says false.
func (s *Store) list(ctx context.Context, f Filter, payload bool, see func(Stored, error) bool) error {
	info, err := s.info(ctx)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	subjects, err := s.subjects(ctx, f)
	if err != nil {
		return err
	}
	consumer, err := s.consumer(ctx, subjects, payload)
	if err != nil {
		return err
	}
	defer func() { s.dismiss(ctx, consumer) }()
	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	limit := s.patient
	if payload {
		limit = s.pullAt
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(limit), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return fmt.Errorf("deadletter: list %s: %w", s.name, err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	l := listing{store: s, consumer: consumer, messages: messages, last: info.State.LastSeq, payload: payload}
	return l.run(ctx, see)
}

func (s *Store) consumer(ctx context.Context, subjects []string, payload bool) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	consumer, err := s.js.OrderedConsumer(ctx, s.name, jetstream.OrderedConsumerConfig{
		FilterSubjects: subjects, HeadersOnly: !payload, MaxResetAttempts: mostResets, InactiveThreshold: abandoned,
	})
	if err != nil {
		return nil, fmt.Errorf("deadletter: list %s: %w", s.name, err)
	}
	return consumer, nil
}

// dismiss deletes the consumer, which the server would forget by itself.
func (s *Store) dismiss(ctx context.Context, consumer jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if s.js.Conn().IsConnected() {
		_ = s.js.DeleteConsumer(ctx, s.name, consumer.CachedInfo().Name)
	}
}

// subjects are those under which the letters of a filter are found. A request's
// id may look like a hash: it is one if there is a letter of that hash.
func (s *Store) subjects(ctx context.Context, f Filter) ([]string, error) {
	hashes := []string{emptyFilter}
	if len(f.IDs) > 0 {
		hashes = nil
	}
	for _, id := range f.IDs {
		hash := strings.ToLower(id)
		known, err := s.has(ctx, hash)
		if err != nil {
			return nil, err
		}
		if !known {
			hashes = []string{emptyFilter}
			break
		}
		hashes = append(hashes, hash)
	}
	routes := f.Routes
	if len(routes) == 0 {
		routes = []string{emptyFilter}
	}
	var all []string
	for _, route := range routes {
		for _, hash := range hashes {
			all = append(all, s.subject+"."+route+"."+hash)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// has reports whether there is a letter of that hash.
func (s *Store) has(ctx context.Context, hash string) (bool, error) {
	if !isHash(hash) {
		return false, nil
	}
	_, err := get(ctx, s.js, s.name, question{LastFor: s.subject + ".*." + hash})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("deadletter: look for letter %s: %w", hash, err)
	}
	return true, nil
}

// isHash reports whether it is written as the hash of a letter.
func isHash(s string) bool {
	return len(s) == hashDigits && strings.Trim(s, "0123456789abcdef") == ""
}

// listing is one List under way.
type listing struct {
	store    *Store
	consumer jetstream.Consumer
	messages jetstream.MessagesContext
	last     uint64 // in the stream when it began
	seen     uint64
	payload  bool
}

func (l *listing) run(ctx context.Context, see func(Stored, error) bool) error {
	for l.seen < l.last {
		m, err := l.next(ctx)
		if m == nil || err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("deadletter: list %s: %w", l.store.name, err)
		}
		l.seen = meta.Sequence.Stream
		if l.seen > l.last || !see(stored(m, meta, l.payload)) || meta.NumPending == 0 {
			return nil
		}
	}
	return nil
}

// next is nil without an error where nothing is left: what was there may have
// been deleted since.
func (l *listing) next(ctx context.Context) (jetstream.Msg, error) {
	for {
		turn, cancel := context.WithTimeout(ctx, l.store.quiet)
		m, err := l.messages.Next(jetstream.NextContext(turn))
		cancel()
		switch {
		case err == nil:
			return m, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout):
			if l.ended(ctx) {
				return nil, nil
			}
		default:
			return nil, fmt.Errorf("deadletter: list %s: the connection was lost for too long: %w", l.store.name, err)
		}
	}
}

// ended reports whether the server has nothing more and nothing is on its way.
func (l *listing) ended(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	info, err := l.consumer.Info(ctx)
	return err == nil && info.NumPending == 0 && info.Delivered.Stream <= l.seen
}
