package authpool

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Grant is a way to log in. It is called by one goroutine at a time.
//
// Token logs in once, without a repeat of its own, and ends when ctx ends. It
// reads its secrets anew each time. An error is best an [*Error], with RetryAt
// set only if the identity server named a time, or if a try before it would be in
// vain; one that wraps [secret.ErrMissing] counts as a refused credential, and any
// other as an identity server that is not available. Of such another error only its
// kind is shown, never its text.
type Grant interface {
	Token(ctx context.Context) (Token, error)
}

// Logout is what a grant has besides where the product knows sessions, or can
// revoke a token. [Pool.Close] calls it for each token that is still good.
type Logout interface {
	Logout(ctx context.Context, token Token) error
}

// Renewal is what a grant has besides where a token that is still good can be
// exchanged for the next one. The pool asks for it ahead of the end, as long as
// the secret's files are as they were; a refusal is not that of the credential:
// the pool then logs in, once, with Token.
type Renewal interface {
	Renew(ctx context.Context, live Token) (Token, error)
}

// Token is what a log-in gives. It prints as [redacted] with every verb and as
// JSON. It is handed on and not kept: in an unexported field fmt would print it.
type Token struct {
	// Value is the token without a scheme such as Bearer: visible ASCII only.
	Value string
	// Expiry is when the token ends, counted from before the request was sent.
	// Zero: unknown; then a JWT's exp less iat, else the pool's default life.
	Expiry time.Time
	// Guessed tells that nobody told Expiry: it is how long the product's tokens
	// mostly live.
	Guessed bool
	// Refresh is the refresh token that came with it; empty: there is none.
	Refresh string
}

const redacted = "[redacted]"

// Format prints [redacted], whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText is [redacted], for JSON and for loggers.
func (t Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// headerSafe reports whether value can be put into a header as it is: not
// empty, visible ASCII, no space.
func headerSafe(value string) bool {
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' {
			return false
		}
	}
	return value != ""
}
