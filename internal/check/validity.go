package check

import (
	"context"
	"strconv"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/setup"
)

// validator is a grant whose server can be asked whether it takes a token.
type validator interface {
	Validate(ctx context.Context, token authpool.Token) (bool, error)
}

// validated asks whether the tokens that were got are taken, each by itself: with
// several credentials the other calls of a check are made with the first that
// works.
func (l *logIns) validated(ctx context.Context, target setup.Target, c config.Connection) []finding.Finding {
	var all []finding.Finding
	tokens := l.tokens(ctx, target.Pool)
	for i, grant := range target.Grants {
		e, _ := l.of(strconv.Itoa(i + 1))
		token, got := tokens[e.Generation]
		v, can := grant.(validator)
		if can && got {
			all = append(all, validity(ctx, v, token, "connection "+c.Name, numbered("token", i, c)))
		}
	}
	return all
}

func validity(ctx context.Context, v validator, token authpool.Token, subject, check string) finding.Finding {
	valid, err := v.Validate(ctx, token)
	switch {
	case err != nil:
		return finding.Bad(finding.Unknown, subject, check, "whether it is taken cannot be told: "+withoutPackage(err),
			"See that url is that of the Control Room, and of the generation that the connection says.")
	case !valid:
		return finding.Bad(finding.Error, subject, check, "the Control Room does not take the token that it gave",
			"See that nobody else logs in with the account, that url is that of one Control Room, and that the clocks of its nodes agree.")
	}
	return finding.Good(subject, check, "the Control Room takes it")
}

// tokens are those that the pool has, by generation. To see each, a lease of each
// is held at once: the pool gives the least used one.
func (l *logIns) tokens(ctx context.Context, pool *authpool.Pool) map[uint64]authpool.Token {
	tokens := map[uint64]authpool.Token{}
	for range l.n {
		lease, err := pool.Lease(ctx)
		if err != nil {
			break
		}
		defer lease.Release()
		tokens[lease.Generation] = authpool.Token{Value: lease.Token()}
	}
	return tokens
}
