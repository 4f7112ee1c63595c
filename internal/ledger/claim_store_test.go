package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// requestKey is any request's.
var requestKey = RequestKey("acme", "inv-1")

func aClaim(state ClaimState, owner string) Claim {
	return Claim{State: state, Owner: owner, Until: time.Date(2026, 1, 31, 6, 0, 0, 1, time.UTC), Message: key.String(), Hash: "cafe"}
}

func mustStoreClaim(t *testing.T, l *Ledger, revision uint64, c Claim, ttl time.Duration) uint64 {
	t.Helper()
	written, err := l.StoreClaim(t.Context(), requestKey, revision, c, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func mustLoadClaim(t *testing.T, l *Ledger) ClaimEntry {
	t.Helper()
	e, err := l.LoadClaim(t.Context(), requestKey)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestClaimLivesAndDies(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	if e := mustLoadClaim(t, l); e != (ClaimEntry{}) {
		t.Fatalf("a request never claimed: %+v", e)
	}
	c := aClaim(Claimed, "pod-1")
	revision := mustStoreClaim(t, l, 0, c, 0)
	if diff := cmp.Diff(ClaimEntry{c, revision}, mustLoadClaim(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.State, c.ReceiptID = Done, "7"
	revision = mustStoreClaim(t, l, revision, c, time.Hour)
	if diff := cmp.Diff(ClaimEntry{c, revision}, mustLoadClaim(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := l.Delete(t.Context(), requestKey, revision); err != nil {
		t.Fatal(err)
	}
	if e := mustLoadClaim(t, l); e != (ClaimEntry{}) {
		t.Errorf("after Delete: %+v", e)
	}
	mustStoreClaim(t, l, 0, c, time.Hour)
}

func TestClaimTimesAreUTC(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	at := time.Date(2026, 1, 31, 7, 0, 0, 5, time.FixedZone("", 3600))
	c := aClaim(Claimed, "pod-1")
	c.Until, c.FirstTry, c.UnknownSince = at, at, at
	mustStoreClaim(t, l, 0, c, 0)
	got := mustLoadClaim(t, l).Claim
	for name, tt := range map[string]time.Time{"until": got.Until, "first try": got.FirstTry, "unknown since": got.UnknownSince} {
		if tt != at.UTC() {
			t.Errorf("%s: %v, want %v", name, tt, at.UTC())
		}
	}
}

// Who loaded the claim before it was done cannot turn it back.
func TestDoneStaysDone(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	claimed := mustStoreClaim(t, l, 0, aClaim(Claimed, "pod-1"), 0)
	done := mustStoreClaim(t, l, claimed, aClaim(Done, "pod-1"), time.Hour)
	for name, revision := range map[string]uint64{"as new": 0, "stale": claimed, "never was": 1 << 40} {
		for _, state := range []ClaimState{Claimed, Done} {
			_, err := l.StoreClaim(t.Context(), requestKey, revision, aClaim(state, "pod-2"), time.Hour)
			if !errors.Is(err, ErrConflict) || errors.Is(err, ErrUncertain) {
				t.Errorf("%s, %s: error %v, want ErrConflict", name, state, err)
			}
		}
	}
	if err := l.Delete(t.Context(), requestKey, claimed); !errors.Is(err, ErrConflict) {
		t.Errorf("Delete: error %v, want ErrConflict", err)
	}
	if diff := cmp.Diff(ClaimEntry{aClaim(Done, "pod-1"), done}, mustLoadClaim(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of fifty who claim at once, one wins: over nothing, over a marker and over a
// claim whose owner is gone. One wins when it is done as well.
func TestClaimRace(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	store := func(revision uint64, state ClaimState) func(int) error {
		return func(int) error {
			_, err := l.StoreClaim(context.Background(), requestKey, revision, aClaim(state, "pod"), time.Hour)
			return err
		}
	}
	wantOneWinner(t, "over nothing", store(0, Claimed))
	if err := l.Delete(t.Context(), requestKey, mustLoadClaim(t, l).Revision); err != nil {
		t.Fatal(err)
	}
	wantOneWinner(t, "over a marker", store(0, Claimed))
	wantOneWinner(t, "over a claim", store(mustLoadClaim(t, l).Revision, Claimed))
	wantOneWinner(t, "done", store(mustLoadClaim(t, l).Revision, Done))
}

func TestLoadClaimCorrupt(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	if _, err := l.kv.PutString(t.Context(), requestKey.String(), `{"state":"halfway","hash":"cafe"}`); err != nil {
		t.Fatal(err)
	}
	e, err := l.LoadClaim(t.Context(), requestKey)
	if !errors.Is(err, ErrCorrupt) || !strings.HasPrefix(err.Error(), "ledger: load r.acme.") {
		t.Errorf("error %v", err)
	}
	if e != (ClaimEntry{}) {
		t.Errorf("entry %+v beside the error", e)
	}
}

// What could not be read again is not written.
func TestStoreClaimRefusesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	endless := aClaim(Claimed, "pod-1")
	endless.Until = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]Claim{"zero": {}, "no state": {Hash: "cafe"}, "no hash": {State: Claimed}, "end of time": endless} {
		if _, err := l.StoreClaim(t.Context(), requestKey, 0, c, 0); err == nil || errors.Is(err, ErrUncertain) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// Nor what the server would forget at once.
	_, err := l.StoreClaim(t.Context(), requestKey, 0, aClaim(Done, "pod-1"), time.Millisecond)
	if err == nil || errors.Is(err, ErrUncertain) || errors.Is(err, ErrConflict) {
		t.Errorf("too short a ttl: error %v", err)
	}
	if e := mustLoadClaim(t, l); e != (ClaimEntry{}) {
		t.Errorf("stored: %+v", e)
	}
}

func TestClaimOutlivesARestart(t *testing.T) {
	t.Parallel()
	s, l := open(t)
	revision := mustStoreClaim(t, l, 0, aClaim(Claimed, "pod-1"), 0)
	s.Shutdown()
	_, errLoad := l.LoadClaim(t.Context(), requestKey)
	_, errStore := l.StoreClaim(t.Context(), requestKey, revision, aClaim(Done, "pod-1"), time.Second)
	for _, err := range []error{errLoad, errStore} {
		if !errors.Is(err, ErrDisconnected) || errors.Is(err, ErrUncertain) {
			t.Errorf("without a server: %v, want ErrDisconnected", err)
		}
	}
	s.Restart(t)
	waitFor(t, l.nc.IsConnected)
	if diff := cmp.Diff(ClaimEntry{aClaim(Claimed, "pod-1"), revision}, mustLoadClaim(t, l)); diff != "" {
		t.Errorf("after the restart (-want +got):\n%s", diff)
	}
	mustStoreClaim(t, l, revision, aClaim(Done, "pod-1"), time.Second)
	s.Restart(t)
	waitFor(t, l.nc.IsConnected)
	waitFor(t, func() bool { return mustLoadClaim(t, l) == ClaimEntry{} })
}
