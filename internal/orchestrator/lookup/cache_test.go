package lookup

import (
	"testing"
	"testing/synctest"
	"time"
)

// A meaning is forgotten with time, or when it was refused and no other was learnt
// since; and not more are kept than there is room for.
func TestCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c Cache[int, string]
		c.Put(1, "new")
		c.Forget(1, "old")
		if got, ok := c.Get(1); !ok || got != "new" {
			t.Errorf("%q, %t", got, ok)
		}
		time.Sleep(CacheLife)
		if _, ok := c.Get(1); ok {
			t.Error("believed for too long")
		}
		c.Put(1, "new")
		c.Forget(1, "new")
		if _, ok := c.Get(1); ok {
			t.Error("not forgotten")
		}
		for i := range maxCached + 1 {
			c.Put(i, "x")
		}
		if len(c.known) > maxCached {
			t.Errorf("%d known", len(c.known))
		}
	})
}
