package authpool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// passcodes makes the passcodes of an account with two factors (RFC 6238). It
// gives none of them twice, because servers refuse a passcode that was used. The
// zero value is ready. It is not safe for concurrent use.
type passcodes struct {
	last secret.Source // the passcode that was given last
	ends time.Time     // when the period of it ends
}

// next is a passcode that was not given yet. If that of the present period was,
// it waits for the next period, or fails at once if ctx ends before.
func (p *passcodes) next(ctx context.Context, source secret.Source) (string, error) {
	shared, err := readTOTP(source)
	if err != nil {
		return "", err
	}
	last, _ := p.last.Read() // none yet: empty
	for {
		now := time.Now()
		code, ends, err := shared.passcode(now)
		if err != nil {
			return "", err
		}
		if code != last {
			p.last, p.ends = secret.Literal(code), ends
			return code, nil
		}
		if deadline, bounded := ctx.Deadline(); bounded && deadline.Before(ends) {
			return "", &Error{Reason: job.IdentityUnavailable, Code: codePasscodeUsed, RetryAt: ends}
		}
		if err := sleep(ctx, ends.Sub(now)); err != nil {
			return "", err
		}
	}
}

// spent is err of a log-in that a passcode was given for: it makes no sense to
// try again before there is another one.
func (p *passcodes) spent(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.RetryAt.Before(p.ends) {
		return err
	}
	later := *e
	later.RetryAt = p.ends
	return &later
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// totpSecret is what a server and an authenticator share. It is not kept.
type totpSecret struct {
	base32 string
	opts   totp.ValidateOpts
}

// readTOTP reads the secret: in base32 as the product shows it, in any case and
// with blanks, or as the otpauth address that is in its QR code.
func readTOTP(source secret.Source) (totpSecret, error) {
	value, err := source.Read()
	if err != nil {
		return totpSecret{}, fmt.Errorf("totp secret: %w", err)
	}
	shared := totpSecret{base32: value, opts: totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}}
	if value = strings.TrimSpace(value); strings.HasPrefix(value, "otpauth://totp/") {
		key, err := otp.NewKeyFromURL(value)
		if err != nil || !usable(key) {
			return totpSecret{}, malformedTOTP()
		}
		shared = totpSecret{key.Secret(), totp.ValidateOpts{Period: uint(key.Period()), Digits: key.Digits(), Algorithm: key.Algorithm()}}
	}
	shared.base32 = strings.NewReplacer(" ", "", "\t", "", "-", "", "=", "").Replace(shared.base32)
	if shared.base32 == "" {
		return totpSecret{}, malformedTOTP()
	}
	return shared, nil
}

// usable tells whether a passcode can be made of key. MD5 is too short for RFC
// 4226, and the library panics.
func usable(key *otp.Key) bool {
	return key.Period() >= 1 && key.Period() <= 3600 && key.Digits() >= 6 && key.Digits() <= 8 && key.Algorithm() != otp.AlgorithmMD5
}

// passcode is that of the period around now, and the end of the period.
func (s totpSecret) passcode(now time.Time) (string, time.Time, error) {
	code, err := totp.GenerateCodeCustom(s.base32, now, s.opts)
	if err != nil {
		return "", time.Time{}, malformedTOTP()
	}
	period := int64(s.opts.Period)
	left := time.Unix((now.Unix()/period+1)*period, 0).Sub(now)
	return code, now.Add(left), nil // by the monotonic clock
}

func malformedTOTP() error {
	return &Error{
		Reason: job.CredentialsRefused,
		Code:   codeTOTPMalformed,
		Err:    errors.New("it is neither base32 nor an otpauth address"),
	}
}
