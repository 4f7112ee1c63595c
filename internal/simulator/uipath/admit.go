package uipath

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// carryOut does what a call asks for, past every check that comes before the
// operation itself. It is the same for a call that is answered at once and for
// one whose effect appears late.
func (o *Orchestrator) carryOut(c *call) answer {
	switch c.op {
	case Token:
		return o.issueToken(c)
	case Revoke:
		return o.revoke(c)
	}
	if c.op == Unrouted {
		return page(http.StatusNotFound)
	}
	if len(c.query) > maxQueryBytes {
		return page(http.StatusNotFound) // what IIS answers to a query that is too long
	}
	if c.method != c.route.method {
		return c.business(http.StatusMethodNotAllowed, 0,
			"The requested resource does not support http method '"+c.method+"'.").with("Allow", c.route.method)
	}
	if c.op == Status {
		return answer{status: http.StatusOK}
	}
	if c.op == LegacyLogIn {
		return o.legacyLogIn(c)
	}
	if refused := o.admit(c); refused != nil {
		return *refused
	}
	return o.handle(c)
}

// admit checks the token, the limit of look-ups, and the scope, in this order.
func (o *Orchestrator) admit(c *call) *answer {
	refuse := func(a answer) *answer { return &a }
	if named := c.header.Get(headerTenantName); named != "" && fold(named) != fold(o.settings.Tenant) {
		return refuse(c.business(http.StatusBadRequest, codeInvalidRequest, "There is no tenant "+named)) // not documented
	}
	token, ok := bearer(c.header)
	if !ok {
		return refuse(unauthenticated())
	}
	g, ok := o.tokens.find(token)
	if !ok {
		return refuse(unauthenticated())
	}
	if c.route.limited && !o.lookUps.take(time.Now()) {
		// Whether the product sends Retry-After is not documented: it is not sent.
		return refuse(c.business(http.StatusTooManyRequests, 0, "Too many requests."))
	}
	if !slices.ContainsFunc(g.scopes, func(s string) bool { return s == "OR.Default" || slices.Contains(c.route.scopes, s) }) {
		return refuse(unauthorized())
	}
	return nil
}

// bearer takes the token out of a single Authorization header.
func bearer(h http.Header) (string, bool) {
	values := h["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	return token, ok && token != ""
}

func (o *Orchestrator) handle(c *call) answer {
	switch c.op {
	case AddQueueItem:
		return o.addQueueItem(c)
	case BulkAddQueueItems:
		return o.bulkAddQueueItems(c)
	case StartJobs:
		return o.startJobs(c)
	case ListQueueDefinitions:
		return o.listQueueDefinitions(c)
	case ListReleases:
		return o.listReleases(c)
	case ListQueueItems:
		return o.listQueueItems(c)
	case GetQueueItem:
		return o.getQueueItem(c)
	case ListJobs:
		return o.listJobs(c)
	case GetJob:
		return o.getJob(c)
	default:
		return o.listFolders(c)
	}
}

// window lets so many things happen in any span of time. A limit of 0 lets
// everything happen.
type window struct {
	span time.Duration

	mu    sync.Mutex // guards the rest
	limit int
	taken []time.Time // oldest first, at most limit
}

func (w *window) take(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limit == 0 {
		return true
	}
	for len(w.taken) > 0 && now.Sub(w.taken[0]) >= w.span {
		w.taken = w.taken[1:]
	}
	if len(w.taken) >= w.limit {
		return false
	}
	w.taken = append(w.taken, now)
	return true
}

// SetLookUpsPerMinute changes the limit on lists of items and jobs and forgets
// what was asked so far. 0 takes the limit away.
func (o *Orchestrator) SetLookUpsPerMinute(limit int) {
	o.lookUps.mu.Lock()
	defer o.lookUps.mu.Unlock()
	o.lookUps.limit, o.lookUps.taken = max(limit, 0), nil
}
