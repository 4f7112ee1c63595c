package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressWithoutATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := newProgress(terminal{err: &b}, "replayed", 20000)
		for i := range 12 {
			time.Sleep(time.Second)
			p.set(1000 * (i + 1))
		}
		p.line("left one")
		p.end()
		const want = "replayed 5,000 of 20,000\nreplayed 10,000 of 20,000\nleft one\n"
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	})
}

// What came since it was counted is not shown as more than all there is.
func TestProgressBeyondTheCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		p := newProgress(terminal{err: &lines}, "replaying", 2)
		for i := range 3 {
			time.Sleep(10 * time.Second)
			p.set(i + 1)
		}
		const want = "replaying 1 of 2\nreplaying 2 of 2\nreplaying 3 of 3\n"
		if lines.String() != want {
			t.Errorf("%q, want %q", lines.String(), want)
		}
	})
}

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := newProgress(terminal{err: &b, errTTY: true}, "replayed", 4)
		time.Sleep(time.Second)
		p.set(2)
		p.line("left one")
		p.set(4)
		p.end()
		contains(t, "the bar", b.String(), "replayed", "50%", "(2/4")
		if !strings.Contains(b.String(), "\rleft one\n") {
			t.Errorf("the line does not begin at the edge: %q", b.String())
		}
	})
}
