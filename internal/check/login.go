package check

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/remedy"
	"github.com/queueferry/queueferry/internal/setup"
)

// logIns are the log-ins of one connection, one with each credential. The pool
// tells how they end.
type logIns struct {
	all chan struct{} // closed once each has ended
	n   int

	mu    sync.Mutex
	ended map[string]authpool.Event // by the credential's name
}

func newLogIns(n int) *logIns {
	return &logIns{all: make(chan struct{}), n: n, ended: map[string]authpool.Event{}}
}

// observe notes the end of the first log-in of a credential.
func (l *logIns) observe(e authpool.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.ended[e.Credential]; ok {
		return
	}
	if l.ended[e.Credential] = e; len(l.ended) == l.n {
		close(l.all)
	}
}

func (l *logIns) of(name string) (authpool.Event, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.ended[name]
	return e, ok
}

// worked reports whether there is a token.
func (l *logIns) worked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.ended {
		if e.Generation != 0 {
			return true
		}
	}
	return false
}

// run logs in and says how that went, credential by credential, and what the
// tokens say of their scopes.
func (l *logIns) run(ctx context.Context, pool *authpool.Pool, c config.Connection, needs []job.Action) (all []finding.Finding, granted map[uint64][]string) {
	// The first lease begins all log-ins.
	if lease, err := pool.Lease(ctx); err == nil {
		lease.Release()
	}
	select {
	case <-l.all:
	case <-ctx.Done():
	}
	granted = l.scopes(ctx, pool)
	others := l.worked()
	for i, credential := range c.Credentials {
		name := strconv.Itoa(i + 1)
		subject := "connection " + c.Name
		check := "log-in"
		if len(c.Credentials) > 1 {
			check += " " + name
		}
		e, ok := l.of(name)
		if !ok {
			all = append(all, finding.Bad(finding.Error, subject, check, "no answer in the time that a check has", remedy.OfHold(job.IdentityUnavailable)))
			continue
		}
		f := loggedIn(subject, check, credential, e)
		if f.Status == finding.Error && others {
			f.Status = finding.Warning
			f.Detail += "; the other credentials carry on"
		}
		all = append(all, f)
		if e.Generation != 0 {
			all = append(all, scopes(c.Product, subject, strings.Replace(check, "log-in", "scopes", 1), granted[e.Generation], needs)...)
		}
	}
	return all, granted
}

func loggedIn(subject, check string, c config.Credential, e authpool.Event) finding.Finding {
	switch {
	case e.Generation == 0 && e.Code == "secret_missing" && len(setup.SecretFiles(c)) > 0:
		// The line of the file tells what is wrong with it.
		return finding.Bad(finding.Unknown, subject, check, "nobody was asked: the file of its secret cannot be used", "Cure the file first, and check again.")
	case e.Generation == 0:
		return finding.Bad(finding.Error, subject, check, e.Detail, remedy.OfLogIn(e.Reason, e.Code))
	case c.Grant == config.Static:
		return finding.Good(subject, check, "a token was read; whether it is good shows below")
	}
	return finding.Good(subject, check, "a token, for "+time.Until(e.Expiry).Round(time.Second).String())
}

// scopes are what the tokens say of themselves, by generation.
func (l *logIns) scopes(ctx context.Context, pool *authpool.Pool) map[uint64][]string {
	granted := map[uint64][]string{}
	for generation, token := range l.tokens(ctx, pool) {
		granted[generation] = scopesOf(token.Value)
	}
	return granted
}
