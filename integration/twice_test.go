package integration

import (
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// A request whose answer was lost is sent again to a queue with unique
// references: the orchestrator's own answer tells whether it was there.
func TestALostAnswerMakesNoSecondItem(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]uipath.Fault{
		"added, then cut":           uipath.CommitThenDrop(uipath.AddQueueItem),
		"added, then 503":           uipath.CommitThenStatus(503, uipath.AddQueueItem),
		"added, then 504":           uipath.CommitThenStatus(504, uipath.AddQueueItem),
		"added, then broken JSON":   {Status: 201, Body: uipath.BodyBroken, Commit: uipath.CommitFirst, Operations: []uipath.Operation{uipath.AddQueueItem}},
		"added, then half a body":   {Status: 201, Body: uipath.BodyTruncated, Commit: uipath.CommitFirst, Operations: []uipath.Operation{uipath.AddQueueItem}},
		"added, then HTML":          {Status: 200, Body: uipath.BodyHTML, Commit: uipath.CommitFirst, Operations: []uipath.Operation{uipath.AddQueueItem}},
		"cut before it was added":   {Kind: uipath.Drop, Operations: []uipath.Operation{uipath.AddQueueItem}},
		"added, and never answered": {Kind: uipath.BlackHole, Commit: uipath.CommitFirst, Operations: []uipath.Operation{uipath.AddQueueItem}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			w := r.start(settings{connection: "timeout: 1s\nbreaker: {failures: 5, open: 300ms}", route: "retry: {first: 50ms, max: 500ms}"})
			fault.Probability = 0.2
			r.uipath.SetFault(fault)
			const n = 120
			r.publishMany("inv", n)
			time.Sleep(2 * time.Second)
			r.uipath.ClearFault()
			r.settledAll()
			w.end()
			r.once(unique, "inv", n)
			if dead := r.deadLetters(); len(dead) > 0 {
				t.Errorf("%d dead letters, the first %v", len(dead), dead[0].Header)
			}
		})
	}
}
