package retry

import (
	"strings"
	"time"
)

// The shortest and the longest wait that a Retry-After header is believed.
const (
	MinRetryAfter = time.Second
	MaxRetryAfter = 10 * time.Minute
)

// httpDates are the three forms of a date that RFC 9110 section 5.6.7 allows.
var httpDates = []string{time.RFC1123, time.RFC850, time.ANSIC}

// After reads the value of a Retry-After header as of now: seconds or an
// HTTP date (RFC 9110 section 10.2.3), clamped to [MinRetryAfter, MaxRetryAfter].
// It reports false where the value is missing or neither of the two.
func After(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if d, ok := afterSeconds(value); ok {
		return d, true
	}
	for _, form := range httpDates {
		if at, err := time.Parse(form, value); err == nil {
			return clampRetryAfter(at.Sub(now)), true
		}
	}
	return 0, false
}

func afterSeconds(value string) (time.Duration, bool) {
	seconds := 0
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return 0, false
		}
		// Beyond the longest wait the exact number no longer matters.
		seconds = min(seconds*10+int(c-'0'), int(MaxRetryAfter/time.Second))
	}
	return clampRetryAfter(time.Duration(seconds) * time.Second), true
}

func clampRetryAfter(d time.Duration) time.Duration {
	return min(max(d, MinRetryAfter), MaxRetryAfter)
}
