package broker

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// denials ends at once what waits for an answer to a request that the server has
// refused: it refuses beside the request, and answers nothing. The methods are
// safe for concurrent use.
type denials struct {
	mu      sync.Mutex
	last    int
	waiting map[int]context.CancelCauseFunc
	what    string // of the latest refusal; empty: there was none
	at      time.Time
}

// tell ends everything that waits if err says that a permission is missing.
func (d *denials) tell(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	d.mu.Lock()
	d.what, d.at = deniedSubject(err), time.Now()
	waiting := slices.Collect(maps.Values(d.waiting))
	d.mu.Unlock()
	for _, cancel := range waiting {
		cancel(err)
	}
}

func (d *denials) latest() (what string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.what, d.at
}

// forget is for a new connection, of a user who may have got more permissions.
func (d *denials) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.what, d.at = "", time.Time{}
}

func (d *denials) add(cancel context.CancelCauseFunc) (remove func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting == nil {
		d.waiting = map[int]context.CancelCauseFunc{}
	}
	d.last++
	id := d.last
	d.waiting[id] = cancel
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.waiting, id)
	}
}

// ask makes one request, which ends after limit, or when the server says that
// the user has no permission: then the error is a [nats.ErrPermissionViolation].
// Of requests at the same time nobody can tell which was refused.
func ask[T any](ctx context.Context, c *Conn, limit time.Duration, request func(context.Context) (T, error)) (T, error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer c.denied.add(cancel)()
	answer, err := request(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return answer, err
}

var violation = regexp.MustCompile(`for (Publish|Subscription) to "([^"]+)"`)

// deniedSubject is what the user may not do, such as "publish to jobs-dead.a";
// empty if err is not about permissions.
func deniedSubject(err error) string {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return ""
	}
	found := violation.FindStringSubmatch(err.Error())
	switch {
	case found == nil:
		return "do what was asked"
	case found[1] == "Publish":
		return "publish to " + permission(found[2])
	}
	return "subscribe to " + permission(found[2])
}

var families = regexp.MustCompile(`^(\$JS\.ACK\.[^.]+|\$KV\.[^.]+|_INBOX)\..+`)

// permission is what to grant for a subject: those of one family, which differ with
// each message, key or connection, are granted as one.
func permission(subject string) string { return families.ReplaceAllString(subject, "$1.>") }
