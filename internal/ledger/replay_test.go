package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReplayLivesAndDies(t *testing.T) {
	t.Parallel()
	_, l := open(t)
	at := time.Date(2026, 1, 31, 6, 0, 0, 1, time.UTC)
	r := Replay{Owner: "anna", Nonce: "n", Since: at, Until: at.Add(time.Minute), Batches: []ReplayBatch{
		{Hashes: []string{"a", "b"}, First: at, Begun: at.Add(time.Second), Last: 7, Lineage: "x"},
	}}
	revision, err := l.StoreReplay(t.Context(), 0, r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.LoadReplay(t.Context())
	if diff := cmp.Diff(ReplayEntry{r, revision}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := l.StoreReplay(t.Context(), 0, r); !errors.Is(err, ErrConflict) {
		t.Errorf("a second lock: %v", err)
	}
	if err := l.Delete(t.Context(), ReplayKey(), revision); err != nil {
		t.Fatal(err)
	}
	if got, err := l.LoadReplay(t.Context()); err != nil || got.Revision != 0 {
		t.Errorf("after Delete: %+v, %v", got, err)
	}
}

func TestReplayThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "null", "{}", "[]", `{"nonce": 7}`, `{"owner": "anna"}`} {
		if r, err := decodeReplay([]byte(value)); !errors.Is(err, ErrCorrupt) || r.Owner != "" {
			t.Errorf("%q: %+v, %v", value, r, err)
		}
	}
}
