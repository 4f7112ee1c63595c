package authpool

import (
	"context"
	"errors"
	"fmt"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// Static is the grant of a token that an administrator made, such as a UiPath
// personal access token: nothing is asked of an identity server. The token is
// read again whenever the pool would log in, so that a swapped file counts.
type Static struct {
	Secret secret.Source
}

// Token reads the token. It ends after the pool's default life, which only
// means that it is read again.
func (s *Static) Token(context.Context) (Token, error) {
	value, err := s.Secret.Read()
	if err != nil {
		return Token{}, fmt.Errorf("static token: %w", err)
	}
	if !headerSafe(value) {
		return Token{}, &Error{
			Reason: job.CredentialsRefused,
			Code:   codeTokenMalformed,
			Err:    errors.New("the token holds a blank or another character that no header may bear"),
		}
	}
	return Token{Value: value}, nil
}
