package authpool

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/secret"
)

// mount is a folder as the kubelet mounts a secret: the file is a link into
// ..data, which is a link to the folder of the present version.
type mount struct {
	dir     string
	version int
}

func newMount(t *testing.T) *mount {
	t.Helper()
	m := &mount{dir: t.TempDir()}
	if err := os.Symlink(filepath.Join("..data", "secret"), m.path()); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mount) path() string { return filepath.Join(m.dir, "secret") }

// swap puts value in place in one step. Its size and its time are those of the
// value before, if that was as long.
func (m *mount) swap(t *testing.T, value string) {
	t.Helper()
	m.version++
	version := filepath.Join(m.dir, "v"+string(rune('0'+m.version)))
	file := filepath.Join(version, "secret")
	link := filepath.Join(m.dir, "..tmp")
	stamp := time.Unix(1e9, 0)
	for _, err := range []error{
		os.Mkdir(version, 0o700),
		os.WriteFile(file, []byte(value), 0o600),
		os.Chtimes(file, stamp, stamp),
		os.Symlink(filepath.Base(version), link),
		os.Rename(link, filepath.Join(m.dir, "..data")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fileGrant accepts one secret only.
type fileGrant struct {
	fakeGrant
	source secret.Source
	right  string
	read   func() // called once the secret was read
}

func (g *fileGrant) Token(ctx context.Context) (Token, error) {
	value, err := g.source.Read()
	if err != nil {
		return Token{}, err
	}
	if g.read != nil {
		g.read()
	}
	g.fail(nil)
	if value != g.right {
		g.fail(errRefused)
	}
	return g.fakeGrant.Token(ctx)
}

func newFilePool(m *mount, right string) (*Pool, *fileGrant, *eventLog) {
	g := &fileGrant{fakeGrant: fakeGrant{name: "a", life: time.Hour}, source: secret.File(m.path()), right: right}
	events := &eventLog{}
	p := New(Settings{
		Credentials: []Credential{{Name: "a", Grant: g, SecretFiles: []string{m.path()}}},
		Observe:     events.observe,
	})
	return p, g, events
}

func TestChangedSecretCutsTheRefusalShort(t *testing.T) {
	for name, running := range map[string]bool{"with Run": true, "without Run": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMount(t)
				m.swap(t, "old")
				p, g, events := newFilePool(m, "new")
				if running {
					run(t, p)
				}
				wantError(t, p, job.CredentialsRefused, 30*time.Second)
				time.Sleep(10500 * time.Millisecond)
				if g.logins() != 1 {
					t.Fatalf("%d log-ins before the secret changed", g.logins())
				}
				m.swap(t, "new")
				begun := time.Now()
				if err := p.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(begun); d > 2*time.Second {
					t.Errorf("ready %s after the swap", d)
				}
				if g.logins() != 2 {
					t.Errorf("%d log-ins, want 2", g.logins())
				}
				wantLines(t, events, "token.refused credentials_refused", Renewed)
			})
		})
	}
}

func TestAnotherWrongSecretIsTriedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMount(t)
		m.swap(t, "old")
		p, g, _ := newFilePool(m, "new")
		run(t, p)
		time.Sleep(5 * time.Second)
		m.swap(t, "bad")
		time.Sleep(25 * time.Second)
		if g.logins() != 2 {
			t.Errorf("%d log-ins, want 2", g.logins())
		}
		time.Sleep(45 * time.Second) // 60 s after the second
		if g.logins() != 3 {
			t.Errorf("%d log-ins, want 3", g.logins())
		}
	})
}

func TestSecretIsReadAgainBeforeARefusalIsBelieved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMount(t)
		m.swap(t, "old")
		p, g, events := newFilePool(m, "new")
		g.read = func() { // swapped while the request is under way
			g.read = nil
			m.swap(t, "new")
		}
		begun := time.Now()
		l := mustLease(t, p)
		if l.Token() != "a-2" || time.Since(begun) != 0 {
			t.Errorf("leased %q after %s", l.Token(), time.Since(begun))
		}
		wantLines(t, events, Renewed)
	})
}

func TestMissingSecret(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMount(t)
		p, g, events := newFilePool(m, "new")
		run(t, p)
		wantError(t, p, job.CredentialsRefused, time.Second)
		if s := p.State(); s.Status != Denied || s.Code != "secret_missing" {
			t.Errorf("state %+v", s)
		}
		time.Sleep(10 * time.Minute)
		m.swap(t, "new")
		begun := time.Now()
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begun); d > time.Second {
			t.Errorf("ready %s after the secret appeared", d)
		}
		synctest.Wait()
		if n := events.results()[LoggedIn]; n != 1 || g.logins() != 1 || len(events.results()) != 1 {
			t.Errorf("results %v, %d log-ins", events.results(), g.logins())
		}
		wantLines(t, events, "token.refused credentials_refused", Renewed)
	})
}

func TestChangedSecretEndsTheAPIsRefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMount(t)
		m.swap(t, "pat-1")
		p := New(Settings{Credentials: []Credential{{
			Name: "a", Grant: &Static{secret.File(m.path())}, SecretFiles: []string{m.path()},
		}}})
		run(t, p)
		for range 6 {
			if err := p.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.Refuse(mustLease(t, p))
		}
		wantError(t, p, job.TokenRefused, 160*time.Second)
		m.swap(t, "pat-2")
		begun := time.Now()
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := mustLease(t, p); l.Token() != "pat-2" || time.Since(begun) > 2*time.Second {
			t.Errorf("leased %q after %s", l.Token(), time.Since(begun))
		}
	})
}

func TestSecretIsReadAtEachLogIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMount(t)
		m.swap(t, "pat-1")
		p := New(Settings{Credentials: []Credential{{Name: "a", Grant: &Static{secret.File(m.path())}}}})
		l := mustLease(t, p)
		m.swap(t, "pat-2")
		p.Invalidate(l)
		if got := mustLease(t, p); got.Token() != "pat-2" {
			t.Errorf("leased %q", got.Token())
		}
	})
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	seen := map[uint64]string{}
	for _, step := range []struct{ name, a, b string }{
		{"none", "", ""}, {"a", "x", ""}, {"other a", "y", ""}, {"both", "y", "x"}, {"swapped", "x", "y"}, {"joined", "xy", "x"}, {"cut elsewhere", "x", "yx"},
		{"marks inside", "x\x01y", "z"}, {"marks elsewhere", "x", "y\x01z"},
	} {
		for path, value := range map[string]string{a: step.a, b: step.b} {
			if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := fingerprint([]string{a, b})
		if other, ok := seen[got]; ok {
			t.Errorf("%s looks like %s", step.name, other)
		}
		if got != fingerprint([]string{a, b}) {
			t.Errorf("%s differs from itself", step.name)
		}
		seen[got] = step.name
	}
}
