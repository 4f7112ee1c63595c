package admin

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHeartbeat("fetch loop of invoices", time.Minute)
		time.Sleep(time.Minute)
		if err := h.Check(); err != nil {
			t.Errorf("at the limit, without a beat: %v", err)
		}
		h.Beat()
		time.Sleep(time.Minute)
		if err := h.Check(); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		time.Sleep(time.Millisecond)
		want := "fetch loop of invoices has stood still for 1m0.001s, longer than 1m0s"
		if err := h.Check(); err == nil || err.Error() != want {
			t.Errorf("after the limit: %v", err)
		}
		h.Beat()
		if err := h.Check(); err != nil {
			t.Errorf("after a beat: %v", err)
		}
	})
}

func TestAllBeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetch, settle := NewHeartbeat("fetch", time.Second), NewHeartbeat("settle", time.Second)
		live := AllBeat(fetch, settle)
		if err := live(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		fetch.Beat()
		err := live()
		if err == nil || strings.Contains(err.Error(), "fetch") || !strings.Contains(err.Error(), "settle") {
			t.Errorf("got %v", err)
		}
		if err := AllBeat()(); err != nil {
			t.Errorf("of none: %v", err)
		}
	})
}
