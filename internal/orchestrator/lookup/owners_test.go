package lookup

import (
	"fmt"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// receipt is something that can be owned.
type receipt job.Receipt

func (r receipt) Names() []string { return NamesOf(job.Receipt(r)) }

// What is remembered is bounded.
func TestOwnersAreBounded(t *testing.T) {
	t.Parallel()
	var o Owners
	numbered := func(i int) receipt { return receipt{ID: fmt.Sprint(i + 1), Key: fmt.Sprint("key ", i+1)} }
	for i := range maxOwners + 1 {
		Take(&o, fmt.Sprint(i), numbered(i))
	}
	if len(o.of) != maxOwners || len(o.order) != maxOwners {
		t.Errorf("%d owners, %d in order", len(o.of), len(o.order))
	}
	free := func(request string, i int) bool { return len(NotOfOthers(&o, request, []receipt{numbered(i)})) > 0 }
	if !free("else", 0) || free("else", 1) || free("else", maxOwners) || !free(fmt.Sprint(maxOwners), maxOwners) {
		t.Error("others than the last are remembered")
	}
	if Take(&o, "else", numbered(-2), numbered(maxOwners)) || !free("third", -2) {
		t.Error("a part was taken")
	}
}

func TestProofsAreBounded(t *testing.T) {
	t.Parallel()
	var b Book
	for i := range 2 * maxProofs {
		b.Delivered(fmt.Sprint("folder ", i), Proof{"r", job.Receipt{ID: "1"}, time.Now()})
	}
	if len(b.proofs) > maxProofs {
		t.Errorf("%d proofs", len(b.proofs))
	}
}

// What has neither an id nor a key is nobody's.
func TestNamelessThings(t *testing.T) {
	t.Parallel()
	var o Owners
	if !Take(&o, "1", receipt{}) || !Take(&o, "2", receipt{}) || len(o.of) > 0 {
		t.Errorf("%v", o.of)
	}
	if byKey := (receipt{Key: "K"}); !Take(&o, "1", byKey) || Take(&o, "2", byKey) {
		t.Errorf("%v", o.of)
	}
}

// What a list says that does not show a thing depends on whether it shows what is
// certainly there, now or before.
func TestBeliefs(t *testing.T) {
	t.Parallel()
	const settle = time.Minute
	old := Proof{"r", job.Receipt{ID: "1"}, time.Now().Add(-time.Hour)}
	young := Proof{"r", job.Receipt{ID: "1"}, time.Now()}
	for name, tt := range map[string]struct {
		proof          Proof
		trusted, shown bool
		want           Belief
		waits, trusts  bool
	}{
		"nothing known":            {Proof{}, false, false, Unproven, false, false},
		"found one before":         {Proof{}, true, false, Believed, false, true},
		"shows the proof":          {old, false, true, Believed, false, true},
		"misses the proof":         {old, true, false, Missing, false, false},
		"misses a young one":       {young, false, false, Believed, true, false},
		"misses a young one later": {young, true, false, Believed, false, true},
		"shows a young one":        {young, false, true, Believed, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b Book
			if tt.trusted {
				b.Trust()
			}
			if tt.proof.Reference != "" {
				b.Delivered("Scope", tt.proof)
			}
			got, wait := b.Judge("scope", tt.proof, tt.trusted, tt.shown, settle)
			left, trusted := b.Proof("SCOPE")
			if got != tt.want || (wait > 0) != tt.waits || trusted != tt.trusts || (left == Proof{}) != (tt.proof == Proof{} || got == Missing) {
				t.Errorf("%v, %v; %v, %t", got, wait, left, trusted)
			}
		})
	}
}
