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
		"2 seconds":  {2 * time.Second, 200 * time.Millisecond, 1400 * time.Millisecond, 1800 * time.Millisecond},
		"3 seconds":  {3 * time.Second, time.Second, 1555555555, 2 * time.Second},
		"5.5 s":      {5500 * time.Millisecond, time.Second, 3500 * time.Millisecond, 4500 * time.Millisecond},
		"10 seconds": {10 * time.Second, time.Second, 7 * time.Second, 9 * time.Second},
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

// FuzzLife reads anything as expires_in and as a token: no life is negative or
// longer than a day, none that is used shorter than a second, and a life that was
// written down is read as it was written.
func FuzzLife(f *testing.F) {
	for _, s := range []string{"3600", `"3600"`, "1e400", "null", "-1", "inf", "0x1p4", jwt(`{"iat":1,"exp":1e300}`), "a.b.c", "a.e30=.c"} {
		f.Add(s, 100.0, 1300.0)
	}
	for _, claims := range []string{`{"iat":"1","exp":9}`, `{"exp":9}`, `{"iat":9,"exp":1}`, `[1]`, `{"iat":-1,"exp":1}`, `{"IAT":1,"Exp":9}`} {
		f.Add(jwt(claims), 1e300, -1.0)
	}
	f.Add(".e30.", 1.5, 1.5000001)
	born := time.Unix(1e9, 0)
	f.Fuzz(func(t *testing.T, s string, iat, exp float64) {
		if d := parseLife(json.RawMessage(s)); d < 0 || d > maxLife {
			t.Errorf("parseLife(%q) = %s", s, d)
		}
		claims, ok := jsonClaims(iat, exp)
		for _, value := range []string{s, jwt(s), claims} {
			if d := jwtLife(value); d < 0 || d > maxLife {
				t.Errorf("jwtLife(%q) = %s", value, d)
			}
			life := lifeOf(Token{Value: value}, born, time.Hour)
			if life < minLife || life > maxLife || floor(life) >= renewAfter(life, 0) || floor(life) > maxFloor || renewAfter(life, 1) >= life {
				t.Errorf("a token %q lives %s", value, life)
			}
			if d := lifeOf(Token{Value: value, Expiry: born.Add(time.Minute)}, born, time.Hour); d != time.Minute {
				t.Errorf("%q overrules the server: %s", value, d)
			}
		}
		if got := jwtLife(claims); ok && got != written(iat, exp) {
			t.Errorf("from %g to %g: %s", iat, exp, got)
		}
	})
}

// jsonClaims is a token with these two claims; false where JSON has no such numbers.
func jsonClaims(iat, exp float64) (string, bool) {
	claims, err := json.Marshal(map[string]float64{"iat": iat, "exp": exp})
	return jwt(string(claims)), err == nil
}

// written is the life that these claims promise.
func written(iat, exp float64) time.Duration {
	switch {
	case iat <= 0 || exp <= iat:
		return 0
	case exp-iat >= maxLife.Seconds():
		return maxLife
	}
	return time.Duration((exp - iat) * float64(time.Second))
}

// What nobody told is logged out at the end, however long ago the guess was over.
func TestAGuessedLifeIsNeverOver(t *testing.T) {
	born := time.Unix(1_800_000_000, 0)
	for name, tc := range map[string]struct {
		token Token
		over  bool
	}{
		"told":                    {Token{Value: "t", Expiry: born.Add(time.Hour)}, true},
		"nobody told":             {Token{Value: "t"}, false},
		"what products mostly do": {Token{Value: "t", Expiry: born.Add(time.Hour), Guessed: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(tc.token, 1, born, born, time.Hour, 0)
			if now := born.Add(2 * time.Hour); s.over(now) != tc.over || s.good(now) {
				t.Errorf("over: %t, good: %t", s.over(now), s.good(now))
			}
			if s.turned.Store(true); !s.over(born) {
				t.Error("not over though it was turned down")
			}
		})
	}
}
