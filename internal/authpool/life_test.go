package authpool

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
}

func TestParseLife(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw  string
		want time.Duration
	}{
		"number":         {`3600`, time.Hour},
		"quoted":         {`"3600"`, time.Hour},
		"fraction":       {`3599.5`, 3599500 * time.Millisecond},
		"quoted float":   {`"1.5"`, 1500 * time.Millisecond},
		"exponent":       {`9e2`, 15 * time.Minute},
		"missing":        {``, 0},
		"null":           {`null`, 0},
		"zero":           {`0`, 0},
		"negative":       {`-5`, 0},
		"text":           {`"soon"`, 0},
		"not a number":   {`"NaN"`, 0},
		"bool":           {`true`, 0},
		"object":         {`{}`, 0},
		"ten years":      {`315360000`, maxLife},
		"beyond a float": {`1e400`, maxLife},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parseLife(json.RawMessage(tc.raw)); got != tc.want {
				t.Errorf("parseLife(%s) = %s, want %s", tc.raw, got, tc.want)
			}
		})
	}
}

func TestLifeOf(t *testing.T) {
	t.Parallel()
	born := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		token Token
		want  time.Duration
	}{
		"what the server says":         {Token{Value: jwt(`{"iat":100,"exp":1300}`), Expiry: born.Add(15 * time.Minute)}, 15 * time.Minute},
		"exp less iat":                 {Token{Value: jwt(`{"iat":100,"exp":1300}`)}, 20 * time.Minute},
		"fractions":                    {Token{Value: jwt(`{"iat":100.5,"exp":160.75}`)}, 60250 * time.Millisecond},
		"no iat":                       {Token{Value: jwt(`{"exp":1300}`)}, time.Hour},
		"ends before it begins":        {Token{Value: jwt(`{"iat":1300,"exp":100}`)}, time.Hour},
		"claims that are strings":      {Token{Value: jwt(`{"iat":"100","exp":"1300"}`)}, time.Hour},
		"broken payload":               {Token{Value: "a.%%%.c"}, time.Hour},
		"opaque":                       {Token{Value: "rt_0123"}, time.Hour},
		"a hundred years":              {Token{Value: jwt(`{"iat":1,"exp":3155760001}`)}, maxLife},
		"a hundred years, by expiry":   {Token{Value: "x", Expiry: born.AddDate(100, 0, 0)}, maxLife},
		"a millisecond":                {Token{Value: "x", Expiry: born.Add(time.Millisecond)}, minLife},
		"ended long ago":               {Token{Value: "x", Expiry: born.AddDate(-1, 0, 0)}, minLife},
		"so many seconds that it ends": {Token{Value: jwt(`{"iat":1,"exp":1e300}`)}, maxLife},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := lifeOf(tc.token, born, time.Hour); got != tc.want {
				t.Errorf("lifeOf = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestFloorAndRenewal(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ life, floor, first, last time.Duration }{
		"a second":   {time.Second, 100 * time.Millisecond, 700 * time.Millisecond, 900 * time.Millisecond},
		"15 minutes": {15 * time.Minute, 5 * time.Second, 630 * time.Second, 810 * time.Second},
		"an hour":    {time.Hour, 5 * time.Second, 42 * time.Minute, 54 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := floor(tc.life); got != tc.floor {
				t.Errorf("floor = %s, want %s", got, tc.floor)
			}
			if got := renewAfter(tc.life, 0); got != tc.first {
				t.Errorf("earliest renewal = %s, want %s", got, tc.first)
			}
			for range 1000 {
				if got := renewAfter(tc.life, rand.Float64()); got < tc.first || got > tc.last {
					t.Fatalf("renewal after %s, want %s to %s", got, tc.first, tc.last)
				}
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		backoff backoff
		want    []time.Duration
	}{
		"identity":   {identityBackoff, []time.Duration{1e9, 2e9, 4e9, 8e9, 15e9, 15e9}},
		"credential": {credentialBackoff, []time.Duration{30e9, 60e9, 120e9, 240e9, 480e9, 900e9, 900e9}},
		"token":      {tokenBackoff, []time.Duration{5e9, 10e9, 20e9, 40e9, 80e9, 160e9, 300e9, 300e9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, want := range tc.want {
				if got := tc.backoff.wait(i + 1); got != want {
					t.Errorf("wait(%d) = %s, want %s", i+1, got, want)
				}
			}
			if got := tc.backoff.wait(1 << 40); got != tc.backoff.max {
				t.Errorf("wait(2^40) = %s, want %s", got, tc.backoff.max)
			}
		})
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		value string
		want  time.Duration
	}{
		"missing":         {"", 0},
		"seconds":         {"30", 30 * time.Second},
		"nothing":         {"0", time.Second},
		"a day":           {"86400", 10 * time.Minute},
		"beyond 32 bits":  {"9223372036854775807", 0},
		"negative":        {"-1", 0},
		"fraction":        {"1.5", 0},
		"a date":          {"Sat, 31 Jan 2026 06:02:00 GMT", 2 * time.Minute},
		"a date gone by":  {"Sat, 31 Jan 2026 05:00:00 GMT", time.Second},
		"a date far away": {"Sat, 31 Jan 2099 05:00:00 GMT", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parseRetryAfter(tc.value, now); got != tc.want {
				t.Errorf("parseRetryAfter(%q) = %s, want %s", tc.value, got, tc.want)
			}
		})
	}
}

func FuzzLife(f *testing.F) {
	for _, s := range []string{"3600", `"3600"`, "1e400", "null", "-1", "inf", "0x1p4", jwt(`{"iat":1,"exp":1e300}`), "a.b.c", "a.e30=.c"} {
		f.Add(s)
	}
	born := time.Unix(1e9, 0)
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseLife(json.RawMessage(s)); d < 0 || d > maxLife {
			t.Errorf("parseLife(%q) = %s", s, d)
		}
		if d := jwtLife(s); d < 0 || d > maxLife {
			t.Errorf("jwtLife(%q) = %s", s, d)
		}
		if d := lifeOf(Token{Value: s}, born, time.Hour); d < minLife || d > maxLife {
			t.Errorf("lifeOf(%q) = %s", s, d)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "86400", "9223372036854775807", "Sat, 31 Jan 2026 06:02:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"} {
		f.Add(s)
	}
	now := time.Unix(1e9, 0)
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseRetryAfter(s, now); d != 0 && (d < time.Second || d > 10*time.Minute) {
			t.Errorf("parseRetryAfter(%q) = %s", s, d)
		}
	})
}
