package lookup

import (
	"sync"
	"time"
)

// Cache remembers what names were found to mean, for as long as
// [CacheLife]. K is a name as
// the product compares it. The zero value is empty. It is safe for concurrent use.
type Cache[K, V comparable] struct {
	mu    sync.Mutex
	known map[K]cached[V]
}

type cached[V comparable] struct {
	value V
	read  time.Time
}

// CacheLife is how long a meaning is believed.
const CacheLife = 10 * time.Minute

// maxCached bounds what is remembered: a publisher may be allowed to use any name.
const maxCached = 10_000

// Get reports false for a name that is not known, or not any more.
func (c *Cache[K, V]) Get(name K) (meaning V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.known[name]
	return found.value, ok && time.Since(found.read) < CacheLife
}

// Put notes a meaning that was learnt just now.
func (c *Cache[K, V]) Put(name K, meaning V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCached {
		c.known = map[K]cached[V]{}
	}
	c.known[name] = cached[V]{meaning, time.Now()}
}

// Forget drops a meaning that was refused, unless another was learnt since.
func (c *Cache[K, V]) Forget(name K, meaning V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.known[name]; ok && found.value == meaning {
		delete(c.known, name)
	}
}
