package main

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A second signal counts, unless it comes with the first: then it is the same,
// sent to the process and to its group.
func TestUntilSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, first, second := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
		go func() {
			untilSecond(signals, func() { close(first) })
			close(second)
		}()
		signals <- os.Interrupt
		signals <- os.Interrupt
		<-first
		time.Sleep(time.Second)
		select {
		case <-second:
			t.Fatal("an echo counts")
		default:
		}
		signals <- os.Interrupt
		<-second
	})
}
