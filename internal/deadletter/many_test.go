package deadletter

import (
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// fill stores n letters at once, of one reason.
func (d *desk) fill(n int, reason job.Reason) {
	d.t.Helper()
	for i := range n {
		l := aLetter(i)
		l.Reason = reason
		m, err := d.pub.message(l)
		if err == nil {
			_, err = d.js.PublishMsgAsync(m)
		}
		if err != nil {
			d.t.Fatal(err)
		}
	}
	select {
	case <-d.js.PublishAsyncComplete():
	case <-time.After(5 * time.Minute):
		d.t.Fatal("the letters are not stored")
	}
	if got := d.letters(); got != n {
		d.t.Fatalf("%d letters, want %d", got, n)
	}
}

// Many letters are replayed, each once.
func TestReplayManyLetters(t *testing.T) {
	t.Parallel()
	const n = 5000
	d := newDesk(t, 0, 2*time.Minute)
	d.fill(n, job.NotFound)
	r := d.replay()
	began := time.Now()
	if got := d.run(r, Filter{}); got.Replayed != n {
		t.Errorf("%+v", got)
	}
	t.Logf("%d letters in %v", n, time.Since(began))
	info, err := d.requests.Info(t.Context())
	if err != nil || info.State.Msgs != n || d.letters() != 0 {
		t.Errorf("%d requests, %d letters, %v", info.State.Msgs, d.letters(), err)
	}
}
