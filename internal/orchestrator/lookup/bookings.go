package lookup

import (
	"maps"
	"time"
)

// bookings spreads look-ups that have to wait: as many of one group at a time as
// fit one request, and one request at a time. Those of a time meet there, and
// are looked up together. Groups of every kind
// are told apart as keys of a map. The zero value is empty.
type bookings struct {
	of   map[any]booking
	last time.Time // the latest that was given
}

type booking struct {
	at    time.Time
	seats int
}

// next is how long to wait, at least soonest. seats are those of a request, and
// interval is between two.
func (b *bookings) next(of any, seats int, now time.Time, soonest, interval time.Duration) time.Duration {
	slot := b.of[of]
	if slot.seats == 0 || slot.at.Before(now.Add(soonest)) {
		b.forget(now)
		at := now.Add(soonest)
		if after := b.last.Add(interval); after.After(at) {
			at = after
		}
		slot = booking{at: at, seats: seats}
		b.last = at
	}
	slot.seats--
	if b.of == nil {
		b.of = map[any]booking{}
	}
	b.of[of] = slot
	return slot.at.Sub(now)
}

// forget drops what is over.
func (b *bookings) forget(now time.Time) {
	maps.DeleteFunc(b.of, func(_ any, slot booking) bool { return slot.at.Before(now) })
}
