package authpool

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func TestSeveralCredentials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &fakeGrant{name: "a", life: time.Hour}
		b := &fakeGrant{name: "b", life: time.Hour, took: time.Second}
		c := &fakeGrant{name: "c", err: errRefused}
		p, _ := newPool(a, b, c)
		run(t, p)
		time.Sleep(2 * time.Second)
		counts := map[string]int{}
		var leases []Lease
		for range 100 {
			l := mustLease(t, p)
			counts[l.Token()]++
			leases = append(leases, l)
		}
		if diff := cmp.Diff(map[string]int{"a-1": 50, "b-1": 50}, counts); diff != "" {
			t.Fatalf("leases (-want +got)\n%s", diff)
		}
		a.fail(errRefused)
		p.Invalidate(leases[0])
		time.Sleep(time.Second)
		if l := mustLease(t, p); l.Token() != "b-1" {
			t.Errorf("leased %q after a was refused", l.Token())
		}
		if s := p.State(); s.Status != OK || s.Credentials[0].Status != Denied || s.Credentials[2].Status != Denied {
			t.Errorf("state %+v", s)
		}
		b.fail(errDown)
		p.Invalidate(leases[1])
		_, err := p.Lease(t.Context())
		if e := asError(t, err); e.Credential != "b" || e.Reason != job.IdentityUnavailable {
			t.Errorf("Lease = %v, want the one that is tried first", err)
		}
		if s := p.State(); s.Status != Down || s.Reason != job.IdentityUnavailable {
			t.Errorf("state %+v", s)
		}
		c.fail(nil)
		if err := p.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := mustLease(t, p); !strings.HasPrefix(l.Token(), "c-") {
			t.Errorf("leased %q, want one of c", l.Token())
		}
	})
}

func TestAWaiterTakesTheFirstThatWorks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, _ := newPool(
			&fakeGrant{name: "a", err: errRefused},
			&fakeGrant{name: "b", took: time.Hour},
			&fakeGrant{name: "c", took: 2 * time.Second},
		)
		begun := time.Now()
		if l := mustLease(t, p); l.Token() != "c-1" || time.Since(begun) != 2*time.Second {
			t.Errorf("leased %q after %s", l.Token(), time.Since(begun))
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseWaitsForOneRoundOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &fakeGrant{name: "a", err: errDown, took: 3 * time.Second}
		b := &fakeGrant{name: "b", err: errDown, took: 5 * time.Second}
		p, _ := newPool(a, b)
		run(t, p) // goes on trying a while b is under way
		begun := time.Now()
		if _, err := p.Lease(t.Context()); asError(t, err).Reason != job.IdentityUnavailable {
			t.Error(err)
		}
		if d := time.Since(begun); d != 5*time.Second {
			t.Errorf("the lease took %s", d)
		}
	})
}
