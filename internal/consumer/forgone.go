package consumer

import "sync"

// mostForgone bounds what is remembered; what does not fit costs a look-up.
const mostForgone = 100_000

// forgone remembers the deliveries that this worker gave up without having begun
// them. If the very next delivery of such a message comes here again, nobody
// else had it in between, and what was known of it still holds. It is safe for
// concurrent use.
type forgone struct {
	mu  sync.Mutex
	all map[place]surrender
}

type surrender struct {
	delivery uint64 // the server's count
	order    uint64 // among all deliveries of the durable consumer
	again    bool   // an earlier try may have been carried out
}

func (f *forgone) add(d *delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil || len(f.all) >= mostForgone {
		f.all = map[place]surrender{}
	}
	f.all[d.place()] = surrender{d.meta.NumDelivered, d.meta.Sequence.Consumer, d.again}
}

// clear forgets everything: a durable consumer that was made anew counts anew.
func (f *forgone) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = nil
}

// take tells what was known when the delivery before this one was given up.
func (f *forgone) take(d *delivery) (again, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.all[d.place()]
	if !ok {
		return false, false
	}
	delete(f.all, d.place())
	return s.again, s.delivery+1 == d.meta.NumDelivered && s.order < d.meta.Sequence.Consumer
}
