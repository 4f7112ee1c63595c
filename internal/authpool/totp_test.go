package authpool

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// rfcSecret is "12345678901234567890" in base32, that of RFC 6238, appendix B.
const rfcSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func TestPasscodesOfTheRFC(t *testing.T) {
	t.Parallel()
	sha256 := "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA===="
	for name, tc := range map[string]struct {
		secret string
		at     int64
		want   string
	}{
		"six digits":        {rfcSecret, 59, "287082"},
		"leading zero":      {rfcSecret, 1111111109, "081804"},
		"far away":          {rfcSecret, 20000000000, "353130"},
		"lower, in groups":  {"gezd gnbv gy3t qojq-gezd gnbv gy3t qojq\t", 59, "287082"},
		"otpauth":           {"otpauth://totp/Acme:bot?secret=" + rfcSecret + "&issuer=Acme", 59, "287082"},
		"otpauth, 8 digits": {"otpauth://totp/bot?secret=" + rfcSecret + "&digits=8", 59, "94287082"},
		"otpauth, sha256":   {"otpauth://totp/bot?digits=8&algorithm=SHA256&secret=" + sha256, 59, "46119246"},
		"otpauth, a minute": {"otpauth://totp/bot?period=60&digits=8&secret=" + rfcSecret, 119, "94287082"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared, err := readTOTP(secret.Literal(tc.secret))
			if err != nil {
				t.Fatal(err)
			}
			at := time.Unix(tc.at, 0)
			got, ends, err := shared.passcode(at)
			if err != nil || got != tc.want || ends.Sub(at) != time.Second && tc.at%30 == 29 {
				t.Errorf("passcode = %s until %s, %v; want %s", got, ends, err, tc.want)
			}
		})
	}
}

func TestMalformedTOTPSecrets(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"no base32":         canary + "!",
		"digits":            "018918918",
		"only blanks":       " \t ",
		"otpauth, hotp":     "otpauth://hotp/bot?secret=" + rfcSecret,
		"otpauth, none":     "otpauth://totp/bot",
		"otpauth, broken":   "otpauth://totp/%zz?secret=" + canary,
		"otpauth, digits":   "otpauth://totp/bot?digits=1000000000&secret=" + rfcSecret,
		"otpauth, MD5":      "otpauth://totp/bot?algorithm=MD5&secret=" + rfcSecret,
		"otpauth, period":   "otpauth://totp/bot?period=0&secret=" + rfcSecret,
		"otpauth, for ever": "otpauth://totp/bot?period=18446744073709551615&secret=" + rfcSecret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p passcodes
			code, err := p.next(t.Context(), secret.Literal(value))
			if e := asError(t, err); code != "" || e.Code != "totp_malformed" || e.Reason != job.CredentialsRefused {
				t.Errorf("next = %q, %v", code, err)
			}
			if got := err.Error(); got != "authpool: the TOTP secret cannot be used: it is neither base32 nor an otpauth address" {
				t.Errorf("error %q", got)
			}
			wantNoSecret(t, err)
		})
	}
	var p passcodes
	if _, err := p.next(t.Context(), secret.Source{}); !errors.Is(err, secret.ErrMissing) {
		t.Errorf("without a secret: %v", err)
	}
}

func TestNoPasscodeIsGivenTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		time.Sleep(7 * time.Second) // the bubble's clock begins with a period
		var p passcodes
		source := secret.Literal(rfcSecret)
		first, err := p.next(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		second, err := p.next(t.Context(), source)
		if err != nil || second == first || time.Since(begun) != 23*time.Second {
			t.Errorf("then %s and %s after %s, %v", first, second, time.Since(begun), err)
		}
		other, err := p.next(t.Context(), secret.Literal(rfcSecret[8:]))
		if err != nil || other == second || time.Since(begun) != 23*time.Second {
			t.Errorf("a changed secret waited: %s, %v", time.Since(begun), err)
		}
		wantNoSecret(t, p)
	})
}

func TestAPasscodeIsNotWaitedForInVain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p passcodes
		if _, err := p.next(t.Context(), secret.Literal(rfcSecret)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := p.next(ctx, secret.Literal(rfcSecret))
		e := asError(t, err)
		if e.Code != "passcode_used" || e.Reason != job.IdentityUnavailable || e.RetryAt.Sub(begun) != 30*time.Second || time.Since(begun) != 0 {
			t.Errorf("next = %v, again in %s, after %s", err, e.RetryAt.Sub(begun), time.Since(begun))
		}
		stopped, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := p.next(stopped, secret.Literal(rfcSecret))
			done <- err
		}()
		synctest.Wait()
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) || time.Since(begun) != 0 {
			t.Errorf("next = %v after %s", err, time.Since(begun))
		}
	})
}

// FuzzTOTPSecret: whatever the secret is, there is a passcode of digits or an
// error of ours.
func FuzzTOTPSecret(f *testing.F) {
	f.Add(rfcSecret, int64(59))
	f.Add("otpauth://totp/bot?secret="+rfcSecret+"&digits=7&period=17&algorithm=MD5&encoder=steam", int64(1e9))
	f.Add("=", int64(0))
	f.Fuzz(func(t *testing.T, value string, at int64) {
		shared, err := readTOTP(secret.Literal(value))
		if err != nil {
			return
		}
		now := time.Unix(at&0xffffffff, 0)
		code, ends, err := shared.passcode(now)
		if err != nil {
			if e := asError(t, err); e.Code != "totp_malformed" {
				t.Errorf("passcode: %v", err)
			}
			return
		}
		if _, err := strconv.ParseUint(code, 10, 32); err != nil || len(code) < 6 || len(code) > 8 {
			t.Errorf("passcode %q", code)
		}
		if left := ends.Sub(now); left <= 0 || left > time.Hour {
			t.Errorf("it ends in %s", left)
		}
	})
}
