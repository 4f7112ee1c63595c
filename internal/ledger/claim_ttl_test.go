package ledger

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
)

// messageTTL is how long the server keeps what it has under the key; empty: for
// ever.
func messageTTL(t *testing.T, l *Ledger) string {
	t.Helper()
	stream, err := l.js.Stream(t.Context(), "KV_"+bucket)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "$KV."+bucket+"."+requestKey.String())
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(jetstream.MsgTTLHeader)
}

// Only what is done is forgotten, and only if it is told to be.
func TestClaimTTL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		state ClaimState
		ttl   time.Duration
		want  string
	}{
		"claimed":          {Claimed, 0, ""},
		"claimed with ttl": {Claimed, time.Second, ""},
		"done":             {Done, 168 * time.Hour, "168h0m0s"},
		"done without ttl": {Done, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, l := open(t)
			revision := mustStoreClaim(t, l, 0, aClaim(tt.state, "first"), tt.ttl)
			if got := messageTTL(t, l); got != tt.want {
				t.Errorf("made: it lives for %q, want %q", got, tt.want)
			}
			mustStoreClaim(t, l, revision, aClaim(tt.state, "again"), tt.ttl)
			if got := messageTTL(t, l); got != tt.want {
				t.Errorf("written over: it lives for %q, want %q", got, tt.want)
			}
		})
	}
}

// A done claim vanishes, and the same request can be claimed again, by one.
// Whoever loaded it before can neither write nor delete what came after.
func TestDoneExpires(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	claimed := mustStoreClaim(t, l, 0, aClaim(Claimed, "pod-1"), time.Second)
	done := mustStoreClaim(t, l, claimed, aClaim(Done, "pod-1"), time.Second)
	waitFor(t, func() bool { return mustLoadClaim(t, l) == ClaimEntry{} })

	for name, revision := range map[string]uint64{"claimed": claimed, "done": done} {
		if _, err := l.StoreClaim(t.Context(), requestKey, revision, aClaim(Claimed, "late"), 0); !errors.Is(err, ErrConflict) {
			t.Errorf("Store over what expired (%s): %v, want ErrConflict", name, err)
		}
		if err := l.Delete(t.Context(), requestKey, revision); err != nil {
			t.Errorf("Delete of what expired (%s): %v", name, err)
		}
	}
	wantOneWinner(t, "over an expired claim", func(int) error {
		_, err := l.StoreClaim(context.Background(), requestKey, 0, aClaim(Claimed, "pod-2"), time.Second)
		return err
	})
	if err := l.Delete(t.Context(), requestKey, done); !errors.Is(err, ErrConflict) {
		t.Errorf("Delete of another's claim: %v, want ErrConflict", err)
	}
	if got := mustLoadClaim(t, l).Claim.Owner; got != "pod-2" {
		t.Errorf("claimed by %q, want pod-2", got)
	}
}

// A claim outlives a done one of the same age, although a time to live was asked
// for both.
func TestClaimedNeverExpires(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	c := aClaim(Claimed, "pod-1")
	made := mustStoreClaim(t, l, 0, c, time.Second)
	renewed := mustStoreClaim(t, l, made, c, time.Second)
	other := RequestKey("acme", "inv-2")
	if _, err := l.StoreClaim(t.Context(), other, 0, aClaim(Done, "pod-1"), time.Second); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		e, err := l.LoadClaim(t.Context(), other)
		return err == nil && e == ClaimEntry{}
	})
	if diff := cmp.Diff(ClaimEntry{c, renewed}, mustLoadClaim(t, l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
