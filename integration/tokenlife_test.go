package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// cloud is a tenant in the cloud, with more YAML under the connection.
func cloud(t *testing.T, s uipath.Settings, extra string) (product, *uipath.Orchestrator) {
	t.Helper()
	return uipathTenant(t, s, extra, func(o *uipath.Orchestrator) string {
		return clientCredentials(o.TokenURL(), o.RevocationURL(), "")
	})
}

// until waits for what must happen.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	(&rig{t: t}).eventually(what, holds)
}

// 500 calls that are under way while their token is revoked make one log-in, and
// all of them work.
func TestManyRevokedCallsMakeOneLogIn(t *testing.T) {
	t.Parallel()
	const calls = 500
	for name, start := range map[string]func(*testing.T) product{
		"UiPath": func(t *testing.T) product {
			p, _ := cloud(t, uipath.Settings{}, "max_concurrent: 512")
			return p
		},
		"Automation Anywhere, key":      func(t *testing.T) product { return controlRoomLogIns["a360, key"].start(t, 0) },
		"Automation Anywhere, password": func(t *testing.T) product { return controlRoomLogIns["a360, password"].start(t, 0) },
		"Veeam":                         func(t *testing.T) product { return veeamLogIns["password"].start(t, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t).open(t)
			w.callAtOnce(1)
			answer := w.slow(2 * patience)
			var wg sync.WaitGroup
			wg.Go(func() { w.callAtOnce(calls) })
			until(t, "all calls are under way", func() bool { return w.running() == calls })
			w.revoke()
			answer()
			wg.Wait()
			if got := w.books(); w.tokens() != 2 || got.LogIns != 2 || got.Refused > 0 {
				t.Errorf("%d tokens, %+v: want one log-in at the start, and one more", w.tokens(), got)
			}
		})
	}
}

// An identity server that fails is not hammered, holds nobody beyond their own
// time, and is used again by itself once it is well.
func TestAnIdentityServerThatFailsHoldsNobody(t *testing.T) {
	t.Parallel()
	token := []uipath.Operation{uipath.Token}
	for name, tt := range map[string]struct {
		fault uipath.Fault
		most  int // log-ins that are begun in three seconds of it
	}{
		"hung":                 {uipath.Fault{Kind: uipath.BlackHole, Operations: token}, 1},
		"slow":                 {uipath.Fault{Kind: uipath.Latency, Delay: 10 * time.Second, Operations: token}, 1},
		"stalled":              {uipath.Fault{Status: 200, Body: uipath.BodyStalled, Operations: token}, 1},
		"429 with Retry-After": {uipath.Fault{Status: 429, RetryAfter: "5", Operations: token}, 1},
		"429":                  {uipath.Fault{Status: 429, Operations: token}, 3},
		"500":                  {uipath.IdentityDown(500), 3},
		"503 with Retry-After": {uipath.Fault{Status: 503, RetryAfter: "5", Operations: token}, 1},
		"HTML":                 {uipath.Fault{Status: 200, Body: uipath.BodyHTML, Operations: token}, 3},
		"endless":              {uipath.Fault{Body: uipath.BodyEndless, Operations: token}, 3},
		"reset":                {uipath.Fault{Kind: uipath.Reset, Operations: token}, 3},
		"down":                 {uipath.Fault{Kind: uipath.RefuseConnections, Operations: token}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, o := cloud(t, uipath.Settings{}, "")
			w := p.open(t)
			w.callAtOnce(1)
			o.SetFault(tt.fault)
			o.RevokeTokens()
			before := o.Counts().Total(uipath.Token)
			until(t, "the token is given up", func() bool {
				_ = w.call(withLimit(t, 200*time.Millisecond), w.Target, 0)
				lease, err := w.Pool.Lease(withLimit(t, 20*time.Millisecond))
				lease.Release()
				return err != nil
			})
			began := w.count(func(e authpool.Event) bool { return e.Result != "" })
			w.waitersLeave(3 * time.Second)
			// A connection that is refused is no call in the books: then the pool's own count.
			tried := max(o.Counts().Total(uipath.Token)-before, w.count(func(e authpool.Event) bool { return e.Result != "" })-began)
			if tried > tt.most {
				t.Errorf("%d log-ins in 3 s", tried)
			}
			o.ClearFault()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := w.Pool.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			w.callAtOnce(50)
			if refused := o.Counts().RefusedLogIns; refused > 0 {
				t.Errorf("%d log-ins were refused", refused)
			}
		})
	}
}

func withLimit(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// waitersLeave has many wait for a token that does not come, each for a time of
// its own: nobody waits longer, and nobody gets one.
func (w *way) waitersLeave(during time.Duration) {
	w.t.Helper()
	// So much later than its limit may a waiter leave on a busy machine.
	const slack = 2 * time.Second
	var wg sync.WaitGroup
	end := time.Now().Add(during)
	for i := range 32 {
		limit := time.Duration(20+10*i) * time.Millisecond
		wg.Go(func() {
			for time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				began := time.Now()
				lease, err := w.Pool.Lease(ctx)
				took := time.Since(began)
				cancel()
				lease.Release()
				e, remembered := errors.AsType[*authpool.Error](err)
				switch {
				case took > limit+slack:
					w.t.Errorf("waited for %v, with a limit of %v", took, limit)
				case remembered && e.Reason == job.IdentityUnavailable, errors.Is(err, context.DeadlineExceeded):
				default:
					w.t.Errorf("a lease: %v", err)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// Credentials that are refused are not tried again soon: that may lock an account.
func TestRefusedCredentialsAreNotHammered(t *testing.T) {
	t.Parallel()
	robot := []uipath.User{{Username: "robot", Password: "another"}}
	legacy := func(status int) func(*testing.T) product {
		return func(t *testing.T) product {
			return uipathProduct(t, uipath.Settings{Standalone: true, Users: robot, LegacyRefusal: status}, "", func(*uipath.Orchestrator) string {
				return "- grant: uipath_legacy\n  username: robot\n  password: pass"
			})
		}
	}
	controlRoom := func(a automationanywhere.Account) func(*testing.T) product {
		return func(t *testing.T) product {
			s := automationanywhere.Settings{Generation: automationanywhere.A360, Accounts: []automationanywhere.Account{a}}
			return controlRoomProduct(t, s, "password: pass")
		}
	}
	for name, start := range map[string]func(*testing.T) product{
		"client secret": func(t *testing.T) product {
			p, _ := cloud(t, uipath.Settings{Clients: []uipath.Client{{ID: "queueferry", Secret: "another"}}}, "")
			return p
		},
		"legacy, 400": legacy(0), "legacy, 401": legacy(401), "legacy, 200": legacy(200),
		"Control Room":           controlRoom(automationanywhere.Account{Username: "queueferry", Password: "another"}),
		"Control Room, disabled": controlRoom(automationanywhere.Account{Username: "queueferry", Password: "pass", Disabled: true}),
		"Veeam": func(t *testing.T) product {
			return veeamProduct(t, veeam.Settings{}, func(*veeam.Orchestrator) string {
				return "- grant: password\n  username: LAB\\queueferry\n  password: pass"
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t).open(t)
			var wg sync.WaitGroup
			end := time.Now().Add(10 * time.Second)
			var calls atomic.Int64
			for i := range 8 {
				wg.Go(func() {
					for time.Now().Before(end) {
						if err := w.call(context.Background(), w.Target, i); err == nil {
							t.Error("a call worked")
						}
						calls.Add(1)
						time.Sleep(10 * time.Millisecond)
					}
				})
			}
			wg.Wait()
			refused := func(e authpool.Event) bool {
				return e.Name == authpool.Refused && e.Reason == job.CredentialsRefused
			}
			if got := w.books(); got.Refused != 1 || w.count(refused) != 1 {
				t.Errorf("%d log-ins in 10 s and %d calls, told %d times", got.Refused, calls.Load(), w.count(refused))
			}
		})
	}
}

// One credential of three that is refused leaves the work to the others.
func TestOneOfSeveralCredentialsIsRefused(t *testing.T) {
	t.Parallel()
	s := uipath.Settings{RecordCalls: 1000, Clients: []uipath.Client{{ID: "a", Secret: "a"}, {ID: "b", Secret: "another"}, {ID: "c", Secret: "c"}}}
	p, o := uipathTenant(t, s, "", func(o *uipath.Orchestrator) string {
		var b strings.Builder
		for _, id := range []string{"a", "b", "c"} {
			fmt.Fprintf(&b, "- {grant: client_credentials, token_url: %q, client_id: %s, client_secret: %s}\n", o.TokenURL(), id, id)
		}
		return b.String()
	})
	w := p.open(t)
	until(t, "two log in", func() bool { return w.tokens() == 2 })
	w.slow(50 * time.Millisecond)
	w.callAtOnce(64)
	w.keepCalling(16, 3*time.Second)
	used := map[string]int{}
	for _, call := range o.Calls() {
		used[call.Header.Get("Authorization")]++
	}
	if len(used) != 2 {
		t.Errorf("calls by %d tokens", len(used))
	}
	for _, n := range used {
		if n < len(o.Calls())/4 {
			t.Errorf("one token carried %d of %d calls", n, len(o.Calls()))
		}
	}
	if got := w.books(); got.Refused != 1 || got.LogIns != 2 {
		t.Errorf("%+v", got)
	}
	if s := w.Pool.State(); s.Status != authpool.OK || s.Credentials[1].Reason != job.CredentialsRefused {
		t.Errorf("%+v", s)
	}
}

// mounted is a folder as Kubernetes mounts a secret: the file is a symbolic link
// through ..data, which is one itself and is moved to swap all files at once.
type mounted struct {
	t      *testing.T
	folder string
	n      int
}

func (m *mounted) path() string { return filepath.Join(m.folder, "secret") }

func (m *mounted) swap(value string) {
	m.t.Helper()
	must := func(err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatal(err)
		}
	}
	m.n++
	name := fmt.Sprintf("..2026_%d", m.n)
	data, next := filepath.Join(m.folder, "..data"), filepath.Join(m.folder, "..data_tmp")
	old, _ := os.Readlink(data)
	must(os.Mkdir(filepath.Join(m.folder, name), 0o700))
	must(os.WriteFile(filepath.Join(m.folder, name, "secret"), []byte(value), 0o600))
	must(os.Symlink(name, next))
	must(os.Rename(next, data))
	if old == "" {
		must(os.Symlink("..data/secret", m.path()))
		return
	}
	must(os.RemoveAll(filepath.Join(m.folder, old)))
}

// A secret that Kubernetes swaps counts within about two seconds, although the old
// one is refused and waits for much longer.
func TestAMountedSecretIsSwapped(t *testing.T) {
	t.Parallel()
	robot := []uipath.User{{Username: "robot", Password: "old"}}
	for name, tt := range map[string]struct {
		settings   uipath.Settings
		credential func(o *uipath.Orchestrator, path string) string
		rotate     func(*uipath.Orchestrator)
	}{
		"client secret": {
			uipath.Settings{Clients: []uipath.Client{{ID: "queueferry", Secret: "old"}}},
			func(o *uipath.Orchestrator, path string) string {
				return fmt.Sprintf("- {grant: client_credentials, token_url: %q, client_id: queueferry, client_secret: {file: %q}}", o.TokenURL(), path)
			},
			func(o *uipath.Orchestrator) { o.SetClientSecret("queueferry", "new") },
		},
		"legacy password": {
			uipath.Settings{Standalone: true, Users: robot},
			func(_ *uipath.Orchestrator, path string) string {
				return fmt.Sprintf("- {grant: uipath_legacy, username: robot, password: {file: %q}}", path)
			},
			func(o *uipath.Orchestrator) { o.SetPassword("robot", "new") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tt.settings)
			secret := &mounted{t: t, folder: t.TempDir()}
			secret.swap("old")
			w := r.start(settings{credentials: tt.credential(r.uipath, secret.path())})
			r.publishMany("before", 10)
			r.settledAll()
			tt.rotate(r.uipath)
			r.uipath.RevokeTokens()
			r.publishMany("inv", 20)
			r.eventually("the old secret is refused", func() bool { return len(w.log.events("token.refused")) > 0 })
			time.Sleep(1500 * time.Millisecond)
			if left := r.left(); left != 20 {
				t.Errorf("%d messages are left", left)
			}
			secret.swap("new")
			swapped := time.Now()
			r.settledAll()
			took := time.Since(swapped)
			t.Logf("taken up after %v", took.Round(10*time.Millisecond))
			if took > 20*time.Second { // a refused credential is otherwise asked for again after 30 s
				t.Errorf("taken up after %v\n%s", took, w.log)
			}
			w.end()
			r.once(unique, "inv", 20)
			if c := r.uipath.Counts(); c.RefusedLogIns > 2 {
				t.Errorf("%d refused log-ins", c.RefusedLogIns)
			}
		})
	}
}

// A clock that is an hour off, in Date, iat and exp, changes nothing.
func TestTheClockOfTheServerIsOff(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		for name, start := range map[string]func(*testing.T) product{
			"UiPath": func(t *testing.T) product {
				p, _ := cloud(t, uipath.Settings{TokenLife: 2 * time.Second, ClockSkew: skew}, "")
				return p
			},
			"UiPath, of the JWT alone": func(t *testing.T) product {
				p, _ := cloud(t, uipath.Settings{TokenLife: 2 * time.Second, ClockSkew: skew, OmitExpiresIn: true}, "")
				return p
			},
			"Automation Anywhere": func(t *testing.T) product {
				return controlRoomProduct(t, automationanywhere.Settings{
					Generation: automationanywhere.A360, TokenLife: 2 * time.Second, Server: server.Settings{ClockSkew: skew},
				}, "api_key: key")
			},
		} {
			t.Run(fmt.Sprintf("%s, %s", name, skew), func(t *testing.T) {
				t.Parallel()
				w := start(t).open(t)
				w.keepCalling(4, 5*time.Second)
				if n := w.tokens(); n < 3 || n > 8 {
					t.Errorf("%d tokens in 5 s", n)
				}
			})
		}
	}
}

// What a server says, or does not say, of a token's life.
func TestLivesOfTokens(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		start func(*testing.T) product
		want  time.Duration
	}{
		"ten years": {func(t *testing.T) product {
			p, _ := cloud(t, uipath.Settings{TokenLife: 10 * 365 * day}, "")
			return p
		}, day},
		"ten years, of the JWT": {func(t *testing.T) product {
			p, _ := cloud(t, uipath.Settings{TokenLife: 10 * 365 * day, OmitExpiresIn: true}, "")
			return p
		}, day},
		"nothing, of UiPath's legacy log-in": {func(t *testing.T) product { return legacyProduct(false)(t, 0) }, 30 * time.Minute},
		"nothing, of a Control Room": {func(t *testing.T) product {
			s := automationanywhere.Settings{Generation: automationanywhere.E11, OpaqueTokens: true, TokenLife: time.Hour}
			return controlRoomProduct(t, s, "api_key: key")
		}, 20 * time.Minute},
		"nothing, of Veeam": {func(t *testing.T) product {
			return veeamProduct(t, veeam.Settings{OmitExpiresIn: true, TokenLife: time.Hour}, func(*veeam.Orchestrator) string {
				return "- {grant: client_credentials, client_id: client, client_secret: client-secret}"
			})
		}, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := tt.start(t).open(t)
			w.callAtOnce(20)
			s := w.Pool.State().Credentials[0]
			if got := time.Until(s.Expiry); got > tt.want || got < tt.want-time.Minute || !s.NextTry.Before(s.Expiry) {
				t.Errorf("it ends in %v, is renewed in %v", got, time.Until(s.NextTry))
			}
			if n := w.tokens(); n != 1 {
				t.Errorf("%d tokens", n)
			}
		})
	}
}

// A token that lives for a second only makes no more than two log-ins a second,
// and calls go on. On a busy machine a log-in may take longer than such a token
// lives; then calls fail until the next one.
func TestTokensThatLiveForASecond(t *testing.T) {
	t.Parallel()
	p, _ := cloud(t, uipath.Settings{TokenLife: time.Second}, "")
	w := p.open(t)
	const during = 5 * time.Second
	worked := 0
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		err := w.call(context.Background(), w.Target, 0)
		slow := w.count(func(e authpool.Event) bool { return e.Code == "token_ended" }) > 0
		switch {
		case err == nil:
			worked++
		case !slow:
			t.Fatal(err)
		}
	}
	if n := w.tokens(); worked == 0 || n > int(during.Seconds())*2 {
		t.Errorf("%d calls worked by %d tokens in %v", worked, n, during)
	}
	until(t, "a call works", func() bool { return w.call(context.Background(), w.Target, 0) == nil })
}

// Renewals go on behind the calls: nobody who wants a token waits for one, though
// the identity server takes its time.
func TestNobodyWaitsForARenewal(t *testing.T) {
	t.Parallel()
	const life, takes, calls = 12 * time.Second, time.Second, 256
	p, o := cloud(t, uipath.Settings{TokenLife: life}, "max_concurrent: 256")
	w := p.timely(t, takes)
	o.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: takes, Operations: []uipath.Operation{uipath.Token}})
	o.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 250 * time.Millisecond, Operations: []uipath.Operation{uipath.AddQueueItem}})
	var wg sync.WaitGroup
	var longest maximum
	until := w.Pool.State().Credentials[0].Expiry // after which the next token is in use
	for i := range calls {
		wg.Go(func() {
			for k := 0; time.Now().Before(until); k++ {
				began := time.Now()
				lease, err := w.Pool.Lease(context.Background())
				waited := time.Since(began)
				lease.Release()
				longest.note(waited)
				if err == nil {
					err = w.call(context.Background(), w.Target, i*1e6+k)
				}
				if err != nil {
					t.Errorf("call %d of %d: %v", k, i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	waited := longest.d
	t.Logf("the longest wait for a token was %v", waited)
	if waited > takes*3/4 {
		t.Errorf("somebody waited for %v, a log-in takes %v", waited, takes)
	}
	if n := w.tokens(); n != 2 {
		t.Errorf("%d tokens", n)
	}
	if c := o.Counts(); c.Unauthorized > 0 {
		t.Errorf("%d calls were answered 401", c.Unauthorized)
	}
}

// maximum is the longest of many spans.
type maximum struct {
	mu sync.Mutex
	d  time.Duration
}

func (m *maximum) note(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.d = max(m.d, d)
}

// timely opens a pool whose first token is renewed long enough before it must not
// be used any more: with so short a life, chance may set the renewal right there.
func (p product) timely(t *testing.T, takes time.Duration) *way {
	t.Helper()
	for range 50 {
		w := p.open(t)
		if err := w.Pool.Ready(withLimit(t, patience)); err != nil {
			t.Fatal(err)
		}
		s := w.Pool.State().Credentials[0]
		life := s.Age + time.Until(s.Expiry)
		if s.Expiry.Sub(s.NextTry) > life/10+takes+time.Second {
			return w
		}
		w.close()
	}
	t.Fatal("every renewal is late")
	return nil
}
