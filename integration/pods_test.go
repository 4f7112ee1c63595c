//go:build unix

package integration

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// frozenFor is how long a pod stands still: for so long that it notices.
const frozenFor = 4 * time.Second

// A pod that is frozen while its call is under way, for longer than the ack wait,
// loses its messages to another one. When it goes on it tells the server nothing
// but acks, and begins nothing of what it has in its buffers.
func TestAFrozenPodLeavesWhatItLost(t *testing.T) {
	t.Parallel()
	for name, task := range map[string]task{
		"unique item": uniqueItem, "plain item": plainItem, "job": startJob,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
			r.uipath.AddProcess(folder, "Post")
			var frozen *pod
			a := &ambush{at: sending, lets: true}
			a.lie(r, func() {
				frozen.signal(syscall.SIGSTOP)
				time.Sleep(100 * time.Millisecond) // no thread of it runs any more
			})
			seen := newWitness(t, a.trap.url())
			frozen = r.spawn(r.file(task, seen.trap.url(), a.booth.url()))
			r.streamIsThere(frozen)
			r.ask(task, "before", 1)
			r.settledBy(frozen)
			r.publish(task.body(victim))
			frozen.await("its call is under way", a.struck)
			thaw := time.After(frozenFor)
			// The server gives these to the pulls of the frozen pod.
			r.ask(task, "after", 5)
			other := r.spawn(r.file(task, "", ""))
			r.settledBy(other)

			<-thaw
			frozen.signal(syscall.SIGCONT)
			r.eventually("the pod that was frozen is done with the message", func() bool {
				return slices.ContainsFunc(frozen.log.events("delivery.settled"), func(l map[string]any) bool { return l["request_id"] == victim })
			})
			frozen.signal(syscall.SIGTERM)
			if code := frozen.wait(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if nak, term := seen.said("-NAK"), seen.said("+TERM"); len(nak)+len(term) > 0 {
				t.Errorf("the pod that was frozen sent a nak for %v and a term for %v", nak, term)
			}
			if got := task.count(r, victim); got != 1 {
				t.Errorf("%s: has %d effects", victim, got)
			}
			r.has(1, task, "after", 5)
			r.onlyVictimDied(task, "")
			if t.Failed() {
				t.Logf("the frozen pod:\n%s\nthe other:\n%s", frozen.log, other.log)
			}
		})
	}
}

// SIGTERM under load, with calls under way of which nobody will hear again: the
// worker ends in good order, hands back what it has not begun, and leaves what may
// have been carried out to the ack wait.
func TestSIGTERMHandsBackOnlyWhatWasNotSent(t *testing.T) {
	t.Parallel()
	for name, task := range map[string]task{
		"unique item": uniqueItem.singly(), "plain item": plainItem.singly(), "job": startJob,
		"unique items in batches": uniqueItem, "plain items in batches": plainItem,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{LookUpsPerMinute: -1})
			r.uipath.AddProcess(folder, "Post")
			seen := newWitness(t, r.nats.URL())
			task.ackWait = "5s" // what it has in hand must be its own still
			first := r.spawn(r.file(task, seen.trap.url(), ""))
			r.streamIsThere(first)
			n, lost := 200, 6
			if strings.Contains(name, "batches") {
				n, lost = 600, 2
			}
			never := r.uipath.AddFault(uipath.Fault{
				Kind: uipath.BlackHole, Commit: uipath.CommitFirst, Calls: lost,
				Match: func(reference string) bool { return strings.HasSuffix(reference, "7") },
			})
			r.uipath.AddFault(uipath.Fault{Kind: uipath.Latency, Delay: 100 * time.Millisecond})
			r.ask(task, "inv", n)
			r.eventually("calls hang", func() bool { return never.Hits() == lost })
			first.signal(syscall.SIGTERM)
			r.eventually("it stops", func() bool { return len(first.log.events("shutdown.begun")) == 1 })
			began := time.Now()
			never.Remove()
			if code, took := first.wait(), time.Since(began); code != 0 || took > 20*time.Second {
				t.Errorf("exit code %d after %v", code, took)
			}
			sent := map[string]bool{}
			for _, call := range r.uipath.Calls() {
				for _, reference := range call.References {
					sent[reference] = true
				}
			}
			back := seen.said("-NAK")
			for _, id := range back {
				if sent[id] {
					t.Errorf("%s was sent, and handed back", id)
				}
			}
			if len(back) == 0 || len(sent) == n {
				t.Errorf("%d of %d were sent and %d handed back: not under load", len(sent), n, len(back))
			}
			second := r.spawn(r.file(task, "", ""))
			r.settledBy(second)
			r.has(1, task, "inv", n)
			r.onlyVictimDied(task, "")
			if t.Failed() {
				t.Logf("the first worker:\n%s\nthe second:\n%s", first.log, second.log)
			}
		})
	}
}
