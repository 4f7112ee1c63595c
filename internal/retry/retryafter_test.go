package retry

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		value string
		want  time.Duration
		ok    bool
	}{
		"seconds":             {"7", 7 * time.Second, true},
		"blanks around":       {"  7 ", 7 * time.Second, true},
		"zero":                {"0", time.Second, true},
		"too long":            {"86400", 10 * time.Minute, true},
		"overflow":            {"9223372036854775807999", 10 * time.Minute, true},
		"date":                {"Sat, 31 Jan 2026 12:00:30 GMT", 30 * time.Second, true},
		"date past":           {"Sat, 31 Jan 2026 11:00:00 GMT", time.Second, true},
		"date far":            {"Sat, 31 Jan 2099 12:00:00 GMT", 10 * time.Minute, true},
		"date of RFC 850":     {"Saturday, 31-Jan-26 12:00:30 GMT", 30 * time.Second, true},
		"date of asctime":     {"Sat Jan 31 12:00:30 2026", 30 * time.Second, true},
		"missing":             {"", 0, false},
		"negative":            {"-1", 0, false},
		"fraction":            {"1.5", 0, false},
		"words":               {"soon", 0, false},
		"hexadecimal":         {"0x10", 0, false},
		"date of another day": {"Someday", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := After(c.value, now)
			if got != c.want || ok != c.ok {
				t.Errorf("After(%q) = %v, %v; want %v, %v", c.value, got, ok, c.want, c.ok)
			}
		})
	}
}

// FuzzAfter reads anything: it is within its bounds, of blanks around it nothing
// hangs, a number does not depend on the clock, and a date is what net/http takes
// it for and comes no later when more time has passed.
func FuzzAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "120", "-5", "+7", "007", "1e9", "٣", "1,5", "7, 8", "99999999999999999999", "Sat, 31 Jan 2026 12:00:30 GMT", "Sun Nov  6 08:49:37 1994",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sat, 31 Jan 2026 12:00:30 CET", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 00 Jan 0000 00:00:00 GMT",
	} {
		f.Add(seed, int64(1769860800))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		now := time.Unix(unix%1e11, 0)
		got, ok := After(value, now)
		if ok && (got < MinRetryAfter || got > MaxRetryAfter) || !ok && got != 0 {
			t.Fatalf("After(%q) = %v, %v", value, got, ok)
		}
		if padded, okPadded := After(" \t"+value+" ", now); padded != got || okPadded != ok {
			t.Errorf("After(%q): blanks make %v of %v", value, padded, got)
		}
		later, okLater := After(value, now.Add(time.Minute))
		if okLater != ok || later > got {
			t.Errorf("After(%q) = %v, a minute later %v", value, got, later)
		}
		if _, err := strconv.ParseUint(value, 10, 64); err == nil && (!ok || later != got) {
			t.Errorf("After(%q) = %v, %v, a minute later %v", value, got, ok, later)
		}
		if date, err := http.ParseTime(value); err == nil && (!ok || got != clampRetryAfter(date.Sub(now))) {
			t.Errorf("After(%q) = %v, %v, net/http says %v", value, got, ok, date)
		}
	})
}
