package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/netcause"
)

// meant is what a result says, without its texts.
type meant struct {
	verdict job.Verdict
	reason  job.Reason
	health  Health
}

func meaningOf(r Result) meant { return meant{r.Verdict, r.Reason, r.Health} }

// Of each status: what a call that acts, and what a look-up makes of it. Later
// rows stand over earlier ones.
var statuses = []struct {
	from, to     int
	envelope     string // "with", "without" or "" for both
	acts, lookUp meant
}{
	{100, 299, "", meant{job.Unknown, job.UnexpectedAnswer, Ill}, meant{job.Unavailable, job.UnexpectedAnswer, Ill}},
	{300, 399, "", meant{job.Unavailable, job.UnexpectedAnswer, Ill}, meant{job.Unavailable, job.UnexpectedAnswer, Ill}},
	{400, 499, "", meant{job.Rejected, job.RejectedByTarget, Well}, meant{job.Rejected, job.RejectedByTarget, Well}},
	{401, 401, "", meant{job.Unavailable, job.TokenRefused, Refused}, meant{job.Unavailable, job.TokenRefused, Refused}},
	{403, 403, "with", meant{job.Deferred, job.Forbidden, Well}, meant{job.Deferred, job.Forbidden, Well}},
	{403, 405, "without", meant{job.Unavailable, job.UnexpectedAnswer, Ill}, meant{job.Unavailable, job.UnexpectedAnswer, Ill}},
	{404, 404, "with", meant{job.Rejected, job.NotFound, Well}, meant{job.Rejected, job.NotFound, Well}},
	{407, 407, "without", meant{job.Unavailable, job.UnexpectedAnswer, Ill}, meant{job.Unavailable, job.UnexpectedAnswer, Ill}},
	{408, 408, "", meant{job.Unknown, job.ServiceUnavailable, Ill}, meant{job.Unavailable, job.ServiceUnavailable, Ill}},
	{413, 413, "", meant{job.Rejected, job.TooLarge, Well}, meant{job.Rejected, job.TooLarge, Well}},
	{425, 425, "", meant{job.Unknown, job.ServiceUnavailable, Ill}, meant{job.Unavailable, job.ServiceUnavailable, Ill}},
	{429, 429, "", meant{job.Unavailable, job.Throttled, Throttled}, meant{job.Unavailable, job.Throttled, Throttled}},
	{500, 599, "", meant{job.Unknown, job.ServiceUnavailable, Ill}, meant{job.Unavailable, job.ServiceUnavailable, Ill}},
}

func wantOf(status int, acts, envelope bool) (want meant) {
	form := map[bool]string{true: "with", false: "without"}[envelope]
	for _, row := range statuses {
		if status < row.from || status > row.to || row.envelope != "" && row.envelope != form {
			continue
		}
		want = row.lookUp
		if acts {
			want = row.acts
		}
	}
	return want
}

func TestClassifyEveryStatus(t *testing.T) {
	t.Parallel()
	for status := 100; status <= 599; status++ {
		for _, acts := range []bool{true, false} {
			for _, envelope := range []bool{true, false} {
				t.Run(fmt.Sprintf("status=%d,acts=%t,envelope=%t", status, acts, envelope), func(t *testing.T) {
					t.Parallel()
					a := Answer{
						Status: status, Written: true, Body: []byte(canary),
						Header: http.Header{"Location": {"https://example.com/?token=" + canary}},
					}
					r := Classify(a, acts, envelope)
					if got, want := meaningOf(r), wantOf(status, acts, envelope); got != want {
						t.Errorf("got %+v, want %+v", got, want)
					}
					if r.Status != status || r.Called != acts || r.RetryAfter != 0 {
						t.Errorf("status %d, called %t, retry after %s", r.Status, r.Called, r.RetryAfter)
					}
					if r.Detail == "" || strings.Contains(r.Detail, canary) {
						t.Errorf("detail %q", r.Detail)
					}
				})
			}
		}
	}
}

func TestClassifyRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		value  string
		want   time.Duration
	}{
		"429 with seconds":     {429, "17", 17 * time.Second},
		"429 with a date":      {429, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 10 * time.Minute},
		"429 with a past date": {429, "Mon, 01 Jan 2001 00:00:00 GMT", time.Second},
		"429 with zero":        {429, "0", time.Second},
		"429 with too much":    {429, "99999999999999999999", 10 * time.Minute},
		"429 with nonsense":    {429, "soon", 0},
		"429 without":          {429, "", 0},
		"503 with seconds":     {503, "30", 30 * time.Second},
		"503 without":          {503, "", 0},
		"500 is not believed":  {500, "30", 0},
		"502 is not believed":  {502, "30", 0},
		"403 is not believed":  {403, "30", 0},
		"201 is not believed":  {201, "30", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Answer{Status: tt.status, Written: true, Header: http.Header{}}
			if tt.value != "" {
				a.Header.Set("Retry-After", tt.value)
			}
			if got := Classify(a, true, true).RetryAfter; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// An answer without a header at all, as a fake may give.
func TestClassifyWithoutHeader(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		if r := Classify(Answer{Status: status}, true, false); r.RetryAfter != 0 {
			t.Errorf("%d: retry after %s", status, r.RetryAfter)
		}
	}
}

func dialError(err error) error {
	return &url.Error{Op: "Post", URL: "https://example.com/?token=" + canary, Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
}

func TestClassifyNoAnswer(t *testing.T) {
	t.Parallel()
	failed := meant{job.Unavailable, job.ConnectionFailed, Ill}
	lostCall := meant{job.Unknown, job.ConnectionLost, Ill}
	lostLookUp := meant{job.Unavailable, job.ConnectionLost, Ill}
	refused := &authpool.Error{Credential: "1", Reason: job.CredentialsRefused, Code: "invalid_client", Status: 400}
	tests := map[string]struct {
		answer       Answer
		acts, lookUp meant
		detail       string
	}{
		"refused":                 {Answer{Err: dialError(syscall.ECONNREFUSED)}, failed, failed, "connection refused"},
		"no such host":            {Answer{Err: dialError(&net.DNSError{Name: "example.com", IsNotFound: true})}, failed, failed, "example.com was not found"},
		"dns does not answer":     {Answer{Err: dialError(&net.DNSError{Name: "example.com", IsTimeout: true})}, failed, failed, "could not be looked up"},
		"unreachable":             {Answer{Err: dialError(syscall.EHOSTUNREACH)}, failed, failed, "no route to host"},
		"time-out before written": {Answer{Err: context.DeadlineExceeded}, failed, failed, "timed out"},
		"dial time-out":           {Answer{Err: dialError(os.ErrDeadlineExceeded)}, failed, failed, "timed out"},
		"proxy refuses":           {Answer{Err: dialError(&netcause.ProxyError{Status: 407})}, failed, failed, "proxy refused to connect, with status 407"},
		"no cause at all":         {Answer{Err: errors.New(canary)}, failed, failed, "network error"},
		"written, then reset":     {Answer{Written: true, Err: syscall.ECONNRESET}, lostCall, lostLookUp, "connection reset"},
		"written, then closed":    {Answer{Written: true, Err: io.EOF}, lostCall, lostLookUp, "closed by the server"},
		"written, then nothing": {
			Answer{Written: true, Err: fmt.Errorf("%s: %w", canary, context.DeadlineExceeded)},
			meant{job.Unknown, job.TimedOut, Ill}, meant{job.Unavailable, job.TimedOut, Ill}, "time-out",
		},
		"written, then a status of 000": {Answer{Written: true}, lostCall, lostLookUp, "network error"},
		"cancelled before": {
			Answer{Err: context.Canceled},
			meant{job.Unavailable, job.ConnectionFailed, Untold}, meant{job.Unavailable, job.ConnectionFailed, Untold}, "stopped before",
		},
		"cancelled after": {
			Answer{Written: true, Err: fmt.Errorf("%w: %w", context.Canceled, errors.New(canary))},
			meant{job.Unknown, job.ConnectionLost, Untold}, meant{job.Unavailable, job.ConnectionLost, Untold}, "stopped while",
		},
		"token pool closed": {
			Answer{Err: authpool.ErrClosed},
			meant{job.Unavailable, job.ConnectionFailed, Untold}, meant{job.Unavailable, job.ConnectionFailed, Untold}, "stopped before",
		},
		"credentials refused": {
			Answer{Err: fmt.Errorf("call: %w", refused)},
			meant{job.Unavailable, job.CredentialsRefused, Refused}, meant{job.Unavailable, job.CredentialsRefused, Refused}, "invalid_client",
		},
		"identity server down, after a 401": {
			Answer{Err: &authpool.Error{Reason: job.IdentityUnavailable, Status: 503}},
			meant{job.Unavailable, job.IdentityUnavailable, Refused}, meant{job.Unavailable, job.IdentityUnavailable, Refused}, "status 503",
		},
		"a login given up": {
			Answer{Err: &authpool.Error{Reason: job.IdentityUnavailable, Err: context.Canceled}},
			meant{job.Unavailable, job.IdentityUnavailable, Refused}, meant{job.Unavailable, job.IdentityUnavailable, Refused}, "no token",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for acts, want := range map[bool]meant{true: tt.acts, false: tt.lookUp} {
				r := Classify(tt.answer, acts, false)
				if got := meaningOf(r); got != want {
					t.Errorf("acts=%t: got %+v, want %+v", acts, got, want)
				}
				if r.Status != 0 || r.Called != (acts && tt.answer.Written) {
					t.Errorf("acts=%t: status %d, called %t", acts, r.Status, r.Called)
				}
				if !strings.Contains(r.Detail, tt.detail) || strings.Contains(r.Detail, canary) {
					t.Errorf("acts=%t: detail %q, want %q in it", acts, r.Detail, tt.detail)
				}
			}
		})
	}
}

// An answer whose body is cut off tells by its status alone only where the
// status is enough.
func TestClassifyCutOff(t *testing.T) {
	t.Parallel()
	unexpected := errors.New(canary)
	tests := map[string]struct {
		status       int
		err          error
		acts, lookUp meant
	}{
		"201, cut off":   {201, io.ErrUnexpectedEOF, meant{job.Unknown, job.ConnectionLost, Ill}, meant{job.Unavailable, job.ConnectionLost, Ill}},
		"201, time-out":  {201, context.DeadlineExceeded, meant{job.Unknown, job.TimedOut, Ill}, meant{job.Unavailable, job.TimedOut, Ill}},
		"201, too long":  {201, ErrAnswerTooLong, meant{job.Unknown, job.UnexpectedAnswer, Ill}, meant{job.Unavailable, job.UnexpectedAnswer, Ill}},
		"201, cancelled": {201, context.Canceled, meant{job.Unknown, job.ConnectionLost, Untold}, meant{job.Unavailable, job.ConnectionLost, Untold}},
		"409, cut off":   {409, unexpected, meant{job.Unknown, job.ConnectionLost, Ill}, meant{job.Unavailable, job.ConnectionLost, Ill}},
		"500, cut off":   {500, unexpected, meant{job.Unknown, job.ConnectionLost, Ill}, meant{job.Unavailable, job.ConnectionLost, Ill}},
		"302, cut off":   {302, unexpected, meant{job.Unavailable, job.UnexpectedAnswer, Ill}, meant{job.Unavailable, job.UnexpectedAnswer, Ill}},
		"401, cut off":   {401, unexpected, meant{job.Unavailable, job.TokenRefused, Refused}, meant{job.Unavailable, job.TokenRefused, Refused}},
		"429, cut off":   {429, unexpected, meant{job.Unavailable, job.Throttled, Throttled}, meant{job.Unavailable, job.Throttled, Throttled}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for acts, want := range map[bool]meant{true: tt.acts, false: tt.lookUp} {
				r := Classify(Answer{Status: tt.status, Written: true, Err: tt.err}, acts, true)
				if got := meaningOf(r); got != want {
					t.Errorf("acts=%t: got %+v, want %+v", acts, got, want)
				}
				if strings.Contains(r.Detail, canary) {
					t.Errorf("detail %q", r.Detail)
				}
			}
		})
	}
}
