package integration

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// logInCase is one way to log in.
type logInCase struct {
	// start makes the product; a life of 0 is the product's own.
	start func(t *testing.T, life time.Duration) product
	// stays tells that the product knows no end of a token before its time, or that
	// ending it would end the credential.
	stays bool
	// passcode tells that a log-in needs a passcode, of which there is one in 30 s.
	passcode bool
	// unrenewed tells that the worker cannot know when a token ends.
	unrenewed bool
}

const totpSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func clientCredentials(tokenURL, revocationURL, more string) string {
	return fmt.Sprintf(`
- grant: client_credentials
  token_url: %s
  revocation_url: %s
  client_id: queueferry
  client_secret: secret
  scopes: [OR.Queues]
  %s`, tokenURL, revocationURL, more)
}

// standaloneRevocation is the revocation endpoint of a standalone identity server.
func standaloneRevocation(o *uipath.Orchestrator) string {
	return strings.TrimSuffix(o.StandaloneTokenURL(), "token") + "revocation"
}

var uipathLogIns = map[string]logInCase{
	"cloud": {start: func(t *testing.T, life time.Duration) product {
		return uipathProduct(t, uipath.Settings{TokenLife: life}, "", func(o *uipath.Orchestrator) string {
			return clientCredentials(o.TokenURL(), o.RevocationURL(), "")
		})
	}},
	"cloud, the global form": {start: func(t *testing.T, life time.Duration) product {
		return uipathProduct(t, uipath.Settings{TokenLife: life}, "", func(o *uipath.Orchestrator) string {
			return clientCredentials(o.GlobalTokenURL(), strings.TrimSuffix(o.GlobalTokenURL(), "token")+"revocation", "")
		})
	}},
	"Automation Suite with a CA of its own": {start: func(t *testing.T, life time.Duration) product {
		return uipathProduct(t, uipath.Settings{TokenLife: life, TLS: true, OmitExpiresIn: life == 0}, "", func(o *uipath.Orchestrator) string {
			return clientCredentials(o.TokenURL(), o.RevocationURL(), "")
		})
	}},
	"standalone": {start: func(t *testing.T, life time.Duration) product {
		return uipathProduct(t, uipath.Settings{TokenLife: life, Standalone: true}, "tenant: prod", func(o *uipath.Orchestrator) string {
			return clientCredentials(o.StandaloneTokenURL(), standaloneRevocation(o), "")
		})
	}},
	"HTTP Basic": {start: func(t *testing.T, life time.Duration) product {
		s := uipath.Settings{TokenLife: life, ClientAuth: uipath.BasicOnly, Clients: []uipath.Client{{ID: "app:1 é", Secret: "s+c:r%t/ ü&="}}}
		return uipathProduct(t, s, "", func(o *uipath.Orchestrator) string {
			return fmt.Sprintf(`
- grant: client_credentials
  token_url: %s
  revocation_url: %s
  client_id: "app:1 é"
  client_secret: "s+c:r%%t/ ü&="
  token_endpoint_auth_method: client_secret_basic`, o.TokenURL(), o.RevocationURL())
		})
	}},
	"password": {start: func(t *testing.T, life time.Duration) product {
		s := uipath.Settings{
			TokenLife: life, Clients: []uipath.Client{{ID: "app", Public: true}}, Users: []uipath.User{{Username: "robot", Password: "p&ss wörd"}},
		}
		return uipathProduct(t, s, "", func(o *uipath.Orchestrator) string {
			return fmt.Sprintf(`
- grant: password
  token_url: %s
  revocation_url: %s
  client_id: app
  username: robot
  password: "p&ss wörd"
  scopes: [OR.Queues]`, o.TokenURL(), o.RevocationURL())
		})
	}},
	"password and HTTP Basic": {start: func(t *testing.T, life time.Duration) product {
		s := uipath.Settings{TokenLife: life, ClientAuth: uipath.BasicOnly, Users: []uipath.User{{Username: "robot", Password: "pass"}}}
		return uipathProduct(t, s, "", func(o *uipath.Orchestrator) string {
			return fmt.Sprintf(`
- grant: password
  token_url: %s
  revocation_url: %s
  client_id: queueferry
  client_secret: secret
  token_endpoint_auth_method: client_secret_basic
  username: robot
  password: pass`, o.TokenURL(), o.RevocationURL())
		})
	}},
	"legacy, a JWT":         {start: legacyProduct(true), stays: true},
	"legacy, opaque":        {start: legacyProduct(false), stays: true, unrenewed: true},
	"personal access token": {start: patProduct, stays: true, unrenewed: true},
}

func legacyProduct(jwt bool) func(*testing.T, time.Duration) product {
	return func(t *testing.T, life time.Duration) product {
		s := uipath.Settings{Standalone: true, LegacyTokenLife: life, LegacyJWT: jwt, Users: []uipath.User{{Username: "robot", Password: "pass"}}}
		return uipathProduct(t, s, "tenant: Prod", func(*uipath.Orchestrator) string {
			return "- grant: uipath_legacy\n  username: robot\n  password: pass"
		})
	}
}

// patProduct has a token that an administrator made; a revoked one is replaced by
// another in the same file.
func patProduct(t *testing.T, _ time.Duration) product {
	t.Helper()
	path, replace := "", func() {}
	p := uipathProduct(t, uipath.Settings{Standalone: true}, "tenant: prod", func(o *uipath.Orchestrator) string {
		replace = func() {
			token, _ := tokensBy(t, o.TokenURL(), url.Values{
				"grant_type": {"client_credentials"}, "client_id": {"queueferry"}, "client_secret": {"secret"},
			})
			if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path = written(t, "")
		replace()
		return fmt.Sprintf("- grant: static\n  token: {file: %q}", path)
	})
	revoke := p.revoke
	p.revoke = func() {
		revoke()
		replace()
	}
	return p
}

var controlRoomLogIns = map[string]logInCase{}

func init() {
	for _, generation := range []automationanywhere.Generation{automationanywhere.E11, automationanywhere.A360} {
		for name, credential := range map[string]string{
			"key":            "api_key: 'k\\e\"y'",
			"password":       "password: pass",
			"multiple login": "password: pass\nmultiple_login: true",
			"mfa":            "password: pass\ntotp_secret: " + totpSecret,
		} {
			if name == "multiple login" && generation == automationanywhere.E11 || name == "mfa" && generation == automationanywhere.A360 {
				continue // which that generation does not have
			}
			account := automationanywhere.Account{Username: "queueferry", Password: "pass", APIKey: `k\e"y`, MultipleSessions: true}
			if name == "mfa" {
				account.TOTPSecret = totpSecret
			}
			controlRoomLogIns[string(generation)+", "+name] = logInCase{passcode: name == "mfa", start: func(t *testing.T, life time.Duration) product {
				return controlRoomProduct(t, automationanywhere.Settings{
					Generation: generation, TokenLife: life, Accounts: []automationanywhere.Account{account},
				}, credential)
			}}
		}
	}
}

func veeamLogIn(totp string, credential func(*testing.T, *veeam.Orchestrator) string) func(*testing.T, time.Duration) product {
	return func(t *testing.T, life time.Duration) product {
		s := veeam.Settings{
			Users:   []veeam.User{{Username: `LAB\robot`, Password: "p&ss wörd", TOTPSecret: totp}},
			Clients: []veeam.Client{{ID: "client", Secret: "client-secret", Owner: `LAB\robot`}},
		}
		if life > 0 {
			s.TokenLife = life + time.Second // of which it tells a second less
		}
		return veeamProduct(t, s, func(o *veeam.Orchestrator) string { return credential(t, o) })
	}
}

const veeamPassword = "- grant: password\n  username: LAB\\robot\n  password: \"p&ss wörd\""

var veeamLogIns = map[string]logInCase{
	"password": {start: veeamLogIn("", func(*testing.T, *veeam.Orchestrator) string { return veeamPassword })},
	"client": {start: veeamLogIn("", func(*testing.T, *veeam.Orchestrator) string {
		return "- grant: client_credentials\n  client_id: client\n  client_secret: client-secret"
	})},
	"refresh token": {start: veeamLogIn("", func(t *testing.T, o *veeam.Orchestrator) string {
		_, refresh := tokensBy(t, o.URL()+"/api/token", url.Values{
			"grant_type": {"password"}, "username": {`LAB\robot`}, "password": {"p&ss wörd"},
		})
		o.RevokeAccessTokens()
		return fmt.Sprintf("- grant: refresh_token\n  refresh_token: {file: %q}", written(t, refresh))
	}), stays: true},
	"mfa": {passcode: true, start: veeamLogIn(totpSecret, func(*testing.T, *veeam.Orchestrator) string {
		return veeamPassword + "\n  totp_secret: " + totpSecret
	})},
}

// eachLogIn runs a test for every product and every way to log in to it.
func eachLogIn(t *testing.T, test func(*testing.T, logInCase)) {
	t.Helper()
	for product, ways := range map[string]map[string]logInCase{
		"UiPath": uipathLogIns, "Automation Anywhere": controlRoomLogIns, "Veeam": veeamLogIns,
	} {
		for name, c := range ways {
			t.Run(product+", "+name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	}
}

// Every way to log in works; a token that is revoked costs one log-in and no
// call; and at the end no live token is left behind.
func TestEveryLogIn(t *testing.T) {
	t.Parallel()
	eachLogIn(t, func(t *testing.T, c logInCase) {
		w := c.start(t, 0).open(t)
		before := w.books()
		w.callAtOnce(8)
		if got := w.books(); w.tokens() != 1 || got.Refused+got.RefusedRenewals > 0 {
			t.Fatalf("%d tokens, %+v: want one log-in", w.tokens(), got)
		}
		w.revoke()
		if c.passcode {
			w.awaitPasscode()
		}
		w.callAtOnce(50)
		if got := w.books(); w.tokens() != 2 || got.Refused+got.RefusedRenewals > 0 {
			t.Errorf("%d tokens, %+v: want one more log-in after the revocation", w.tokens(), got)
		}
		w.close()
		switch got := w.books(); {
		case c.stays && got.LogOuts > 0, !c.stays && got.LogOuts == 0:
			t.Errorf("%d log-outs", got.LogOuts)
		case !c.stays:
			w.left(before.Live, 0)
		}
		if got := w.violations(); len(got) > 0 {
			t.Errorf("violations: %v", got)
		}
	})
}

// awaitPasscode lets a call find out that its token was revoked, and waits until a
// log-in has the passcode that it needs.
func (w *way) awaitPasscode() {
	w.t.Helper()
	_ = w.call(context.Background(), w.Target, 999)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if err := w.Pool.Ready(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// left checks that soon no more tokens are alive than were before. One that was
// replaced, and had come to its end for the pool, may not have for the server, which
// began to count at the end of the log-in; Veeam's live for a second longer than it
// tells.
func (w *way) left(before int, life time.Duration) {
	w.t.Helper()
	closed := time.Now()
	end := closed.Add(300 * time.Millisecond)
	for _, e := range w.events {
		if ends := e.at.Add(life); e.Expiry.Before(closed) && ends.After(end) {
			end = ends
		}
	}
	if strings.HasPrefix(w.connection, "product: veeam") {
		end = end.Add(1200 * time.Millisecond)
	}
	got := w.books()
	for got.Live > before && time.Now().Before(end) {
		time.Sleep(10 * time.Millisecond)
		got = w.books()
	}
	if got.Live > before {
		w.t.Errorf("%d live tokens are left behind, after %d log-outs; before: %d", got.Live, got.LogOuts, before)
	}
}

// Tokens are renewed ahead of their end, while calls go on and none of them fails.
func TestEveryLogInIsRenewed(t *testing.T) {
	t.Parallel()
	eachLogIn(t, func(t *testing.T, c logInCase) {
		life := 2 * time.Second
		if c.passcode || c.stays {
			life *= 2 // a renewal that came too late would cost a passcode, or the only credential
		}
		w := c.start(t, life).open(t)
		before := w.books()
		w.keepCalling(4, 5*life/2)
		want := cmp.Or(map[bool]int{true: 1}[c.unrenewed], 3)
		until(t, "the token is renewed", func() bool {
			w.keepCalling(4, life/10)
			return w.tokens() >= want
		})
		got := w.books()
		if tokens := w.tokens(); tokens > 8 {
			t.Errorf("%d tokens: %+v", tokens, got)
		}
		if refused := w.count(func(e authpool.Event) bool { return e.Name == authpool.Refused }); refused > 0 || got.Refused > 0 {
			t.Errorf("%d refusals, %+v", refused, got)
		}
		w.close()
		if !c.stays {
			w.left(before.Live, life)
		}
	})
}

// The worker itself delivers by the ways to log in that it never had before.
func TestTheWorkerLogsIn(t *testing.T) {
	t.Parallel()
	robot := []uipath.User{{Username: "robot", Password: "pass"}}
	for name, tt := range map[string]struct {
		settings    uipath.Settings
		credentials func(*testing.T, *uipath.Orchestrator) string
		revocable   bool
		live        int
	}{
		"legacy": {uipath.Settings{Standalone: true, Users: robot}, func(*testing.T, *uipath.Orchestrator) string {
			return "- grant: uipath_legacy\n  username: robot\n  password: pass"
		}, true, 1},
		"password": {uipath.Settings{Standalone: true, Users: robot}, func(_ *testing.T, o *uipath.Orchestrator) string {
			return fmt.Sprintf("- grant: password\n  token_url: %s\n  revocation_url: %s\n  client_id: queueferry\n  client_secret: secret\n  username: robot\n  password: pass",
				o.StandaloneTokenURL(), standaloneRevocation(o))
		}, true, 0},
		"personal access token": {uipath.Settings{Standalone: true}, func(t *testing.T, o *uipath.Orchestrator) string {
			token, _ := tokensBy(t, o.TokenURL(), url.Values{
				"grant_type": {"client_credentials"}, "client_id": {"queueferry"}, "client_secret": {"secret"},
			})
			return fmt.Sprintf("- grant: static\n  token: {file: %q}", written(t, token))
		}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tt.settings)
			w := r.start(settings{connection: "tenant: Prod", credentials: tt.credentials(t, r.uipath)})
			r.publishMany("before", 50)
			r.settledAll()
			if tt.revocable {
				r.uipath.RevokeTokens()
			}
			r.publishMany("after", 100)
			r.settledAll()
			w.end()
			r.once(unique, "before", 50)
			r.once(unique, "after", 100)
			for _, call := range r.uipath.Calls() {
				if got := call.Header.Get("X-UIPATH-TenantName"); got != "Prod" {
					t.Fatalf("X-UIPATH-TenantName is %q", got)
				}
			}
			c := r.uipath.Counts()
			if want := map[bool]int{true: 2, false: 1}[tt.revocable]; c.LogIns != want || c.LiveTokens != tt.live {
				t.Errorf("%d log-ins, %d live tokens", c.LogIns, c.LiveTokens)
			}
			for _, l := range w.log.events("delivery.settled") {
				if l["delivery"] != 1.0 || l["verdict"] != "delivered" {
					t.Fatalf("%v", l)
				}
			}
		})
	}
}
