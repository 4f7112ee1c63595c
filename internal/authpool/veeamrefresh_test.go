package authpool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

func TestVeeamRenewsAPair(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{answers: []canned{{200, pair(1)}, {200, pair(2)}, {200, `{"access_token":"a3"}`}, {200, pair(4)}, {200, pair(5)}}}
		v := veeam(s)
		token, err := v.Token(t.Context())
		for range 3 {
			if err != nil {
				t.Fatal(err)
			}
			token, err = v.Renew(t.Context(), token)
		}
		if err != nil || token.Value != "a4" || token.Refresh != "r4" || time.Until(token.Expiry) != 899*time.Second {
			t.Errorf("token %q, %q for %s, %v", token.Value, token.Refresh, time.Until(token.Expiry), err)
		}
		if token, err = v.Renew(t.Context(), Token{Value: "a"}); err != nil || token.Value != "a5" {
			t.Errorf("without a refresh token: %q, %v", token.Value, err)
		}
		// The third answer brought no refresh token, so that r2 stays good.
		s.want(t, byPassword, byRefresh("r1"), byRefresh("r2"), byRefresh("r2"), byPassword)
	})
}

// TestRefusedRenewals: any 4xx is a refusal of the old token, after which the pool
// logs in; all else is a server that is not well.
func TestRefusedRenewals(t *testing.T) {
	products := map[string]func(*server) Renewal{
		"veeam":        func(s *server) Renewal { return veeam(s) },
		"control room": func(s *server) Renewal { return controlRoom(s, "a360") },
	}
	exception := `{"code":"generic.server.exception","details":null,"message":"An unexpected problem occurred"}`
	for name, tc := range map[string]struct {
		status int
		body   string
		want   job.Reason
	}{
		"400":                    {400, `{"error":"invalid_grant"}`, job.CredentialsRefused},
		"400, bare":              {400, canary, job.CredentialsRefused},
		"401":                    {401, ``, job.CredentialsRefused},
		"403":                    {403, `<html>` + canary, job.CredentialsRefused},
		"404":                    {404, ``, job.CredentialsRefused},
		"a fault that may be of": {500, exception, job.CredentialsRefused},
		"408":                    {408, ``, job.IdentityUnavailable},
		"429":                    {429, ``, job.IdentityUnavailable},
		"500":                    {500, canary, job.IdentityUnavailable},
		"503":                    {503, `<html>`, job.IdentityUnavailable},
		"200 without a token":    {200, `{}`, job.IdentityUnavailable},
	} {
		for product, grant := range products {
			if product == "veeam" && tc.body == exception {
				continue
			}
			t.Run(product+", "+name, func(t *testing.T) {
				t.Parallel()
				s := &server{answers: []canned{{tc.status, tc.body}}}
				_, err := grant(s).Renew(t.Context(), Token{Value: "a", Refresh: canary})
				if e := asError(t, err); e.Reason != tc.want || e.Status != tc.status || len(s.asked) != 1 {
					t.Errorf("%v, reason %s, %d requests", err, e.Reason, len(s.asked))
				}
				wantNoSecret(t, err)
			})
		}
	}
}

func TestVeeamKeepsTheNewestRefreshToken(t *testing.T) {
	refusal := canned{400, `{"error":"invalid_grant"}`}
	type step struct {
		renew bool
		want  string // the token; empty: refused
	}
	for name, tc := range map[string]struct {
		answers []canned
		steps   []step
		asked   []string
	}{
		"the newest first": {
			[]canned{{200, pair(1)}, {200, pair(2)}, {200, pair(3)}},
			[]step{{false, "a1"}, {true, "a2"}, {false, "a3"}},
			[]string{"r0", "r1", "r2"},
		},
		"refused at renewal, so the configured one": {
			[]canned{{200, pair(1)}, refusal, {200, pair(2)}, {200, pair(3)}},
			[]step{{false, "a1"}, {true, ""}, {false, "a2"}, {false, "a3"}},
			[]string{"r0", "r1", "r0", "r2"},
		},
		"refused at log-in, so the configured one": {
			[]canned{{200, pair(1)}, refusal, {200, pair(2)}},
			[]step{{false, "a1"}, {false, "a2"}},
			[]string{"r0", "r1", "r0"},
		},
		"both refused": {
			[]canned{{200, pair(1)}, refusal, refusal, refusal},
			[]step{{false, "a1"}, {false, ""}, {false, ""}},
			[]string{"r0", "r1", "r0", "r0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{answers: tc.answers}
			v := &Veeam{URL: "https://vro.example.com:9898", RefreshToken: secret.Literal("r0"), Transport: s}
			var live Token
			for i, st := range tc.steps {
				token, err := Token{}, error(nil)
				if st.renew {
					token, err = v.Renew(t.Context(), live)
				} else {
					token, err = v.Token(t.Context())
				}
				if token.Value != st.want || (err == nil) != (st.want != "") {
					t.Errorf("step %d: %q, %v", i, token.Value, err)
				}
				if err == nil {
					live = token
				} else if e := asError(t, err); e.Reason != job.CredentialsRefused {
					t.Errorf("step %d: %v", i, err)
				}
			}
			var want []string
			for _, r := range tc.asked {
				want = append(want, byRefresh(r))
			}
			s.want(t, want...)
		})
	}
}

// TestVeeamOutageKeepsTheRefreshToken: a lost answer says nothing about it.
func TestVeeamOutageKeepsTheRefreshToken(t *testing.T) {
	t.Parallel()
	s := &server{answers: []canned{{200, pair(1)}, {503, ""}, {429, ""}}}
	v := &Veeam{URL: "https://vro.example.com:9898", RefreshToken: secret.Literal("r0"), Transport: s}
	for range 4 {
		_, _ = v.Token(t.Context())
	}
	s.want(t, byRefresh("r0"), byRefresh("r1"), byRefresh("r1"), byRefresh("r1"))
	wantNoSecret(t, v)
}

func TestVeeamNewRefreshTokenInTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "refresh")
	write := func(value string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("r0")
	s := &server{answers: []canned{{200, pair(1)}, {200, pair(2)}}}
	v := &Veeam{URL: "https://vro.example.com:9898", RefreshToken: secret.File(file), Transport: s}
	_, err1 := v.Token(t.Context())
	write("other")
	_, err2 := v.Token(t.Context())
	if err := errors.Join(err1, err2); err != nil {
		t.Error(err)
	}
	s.want(t, byRefresh("r0"), byRefresh("other"))
}

// TestVeeamKeepsTheSessionOfARefreshToken: a log-out would end the refresh tokens
// too, the only thing that such a credential can log in with.
func TestVeeamKeepsTheSessionOfARefreshToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := &server{answers: []canned{{200, pair(1)}, {200, pair(2)}}}
		v := &Veeam{URL: "https://vro.example.com:9898", RefreshToken: secret.Literal("r0"), Transport: s}
		p := New(Settings{Credentials: []Credential{{Name: "1", Grant: v, Session: true}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(850 * time.Second) // one renewal, by which both tokens are good
		cancel()
		if err := errors.Join(<-done, p.Close(t.Context())); err != nil {
			t.Error(err)
		}
		s.want(t, byRefresh("r0"), byRefresh("r1"))
	})
}
