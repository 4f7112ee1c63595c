package consumer

import "testing"

// The latest acks are remembered, and not for ever.
func TestAckedIsBounded(t *testing.T) {
	t.Parallel()
	var a acked
	key := func(n int) place { return place{sequence: uint64(n), at: 1} }
	const all = 3*generation + 5
	for n := range all {
		a.add(key(n))
	}
	for n := all - generation; n < all; n++ {
		if !a.has(key(n)) {
			t.Fatalf("number %d of %d is forgotten", n, all)
		}
	}
	if a.has(key(generation)) || len(a.now)+len(a.old) > 2*generation {
		t.Errorf("%d and %d are remembered", len(a.now), len(a.old))
	}
}
