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
