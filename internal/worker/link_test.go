package worker

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Since when there is a connection to NATS, or none, and what went wrong last.
func TestLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := &worker{link: link{since: start}}
		at := start.Add
		is := func(want link) {
			t.Helper()
			if diff := cmp.Diff(want, w.linkNow(), cmp.AllowUnexported(link{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		time.Sleep(time.Second)
		w.linkError(errors.New("connection\nrefused"))
		is(link{since: start, err: "connection refused", errAt: at(time.Second)})
		time.Sleep(time.Second)
		w.linkUp(true)
		time.Sleep(time.Second)
		w.linkUp(true) // of the first connection only
		is(link{since: at(2 * time.Second), up: true, err: "connection refused", errAt: at(time.Second)})
		w.linkDown(nil)
		is(link{since: at(3 * time.Second), up: true, err: "connection refused", errAt: at(time.Second)})
		if news, _ := w.linkNow().news(); news != "" {
			t.Errorf("an error of before is news: %s", news)
		}
		time.Sleep(time.Minute)
		if down := w.linkUp(false); down != time.Minute {
			t.Errorf("it was down for %v", down)
		}
		w.linkDown(errors.New("EOF"))
		is(link{since: at(63 * time.Second), up: true, err: "EOF", errAt: at(63 * time.Second)})
		if news, _ := w.linkNow().news(); news != "EOF" {
			t.Errorf("the news is %q", news)
		}
	})
}
