package consumer

import (
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/natstest"
)

// answers are the acks, naks and terms that a client sent, in order.
type answers struct {
	mu  sync.Mutex
	all []answer
}

type answer struct {
	sequence, delivery uint64
	text               string
}

func listen(t testing.TB, s *natstest.Server) *answers {
	t.Helper()
	a := &answers{}
	nc := s.Conn(t)
	_, err := nc.Subscribe("$JS.ACK.>", func(m *nats.Msg) {
		if string(m.Data) == "+WPI" {
			return
		}
		meta, err := (&nats.Msg{Reply: m.Subject, Sub: m.Sub}).Metadata()
		a.mu.Lock()
		defer a.mu.Unlock()
		if err != nil {
			a.all = append(a.all, answer{text: err.Error()})
			return
		}
		a.all = append(a.all, answer{meta.Sequence.Stream, meta.NumDelivered, string(m.Data)})
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *answers) list() []answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]answer(nil), a.all...)
}

// texts waits for n answers, and returns what was said.
func (a *answers) texts(t testing.TB, n int) (all []string) {
	t.Helper()
	await(t, strconv.Itoa(n)+" answers", func() bool { return len(a.list()) >= n })
	for _, one := range a.list() {
		all = append(all, one.text)
	}
	return all
}
