package orchestrator

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/job"
)

// chances are what may happen to one try of a crowd.
type chances struct {
	after   time.Duration // since the try before it
	queue   string
	shared  bool
	id      string
	size    int
	begins  bool
	panics  bool
	patient bool
	leaves  time.Duration // where it is not patient
}

func drawChances(t *rapid.T) chances {
	return chances{
		after:   rapid.SampledFrom([]time.Duration{0, 0, 0, time.Millisecond, 300 * time.Millisecond, 2 * time.Second}).Draw(t, "after"),
		queue:   rapid.SampledFrom([]string{"q", "q", "q", "other"}).Draw(t, "queue"),
		shared:  rapid.Bool().Draw(t, "shared"),
		id:      fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "id")),
		size:    rapid.SampledFrom([]int{1, 1, 1, longestBatch / 3, 2 * longestBatch}).Draw(t, "size"),
		begins:  rapid.IntRange(0, 5).Draw(t, "begins") > 0,
		panics:  rapid.IntRange(0, 9).Draw(t, "panics") == 0,
		patient: rapid.IntRange(0, 3).Draw(t, "patient") > 0,
		leaves:  time.Duration(rapid.IntRange(0, 4000).Draw(t, "leaves")) * time.Millisecond,
	}
}

// checkCall looks whether those tries may share a call.
func (s *sizedBatcher) checkCall(tries []*Try, most int) string {
	seen, bytes := map[string]bool{}, 0
	for _, t := range tries {
		if seen[t.Request.ID] || t.Request.Queue != tries[0].Request.Queue {
			return "two of one id, or of different queues, in one call"
		}
		seen[t.Request.ID] = true
		bytes += s.size(t.Request)
	}
	if len(tries) < 2 || len(tries) > most || bytes > longestBatch {
		return fmt.Sprintf("%d tries of %d bytes in one call", len(tries), bytes)
	}
	return ""
}

// sizedBatcher knows the size of each request.
type sizedBatcher struct {
	*fakeBatcher
	sizes map[*job.Request]int
}

func (s *sizedBatcher) BatchKey(r *job.Request) (BatchKey, bool) {
	return BatchKey{Group: r.Queue, Name: strings.ToLower(r.Reference), Size: s.size(r)}, true
}

func (s *sizedBatcher) size(r *job.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sizes[r]
}

// Whoever comes and goes, while the gate shuts and opens: every try comes to its
// end, in one call at most, and nothing is left behind.
func TestEveryTryOfACrowdEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		plans := rapid.SliceOfN(rapid.Custom(drawChances), 1, 60).Draw(rt, "tries")
		batch := Batch{
			Route: "r", Max: rapid.IntRange(2, 8).Draw(rt, "max"), Calls: rapid.IntRange(1, 3).Draw(rt, "calls"),
			Linger: rapid.SampledFrom([]time.Duration{0, 0, 100 * time.Millisecond}).Draw(rt, "linger"),
		}
		concurrent := rapid.IntRange(1, 4).Draw(rt, "max_concurrent")
		wrong := ""
		synctest.Test(t, func(t *testing.T) {
			sized := &sizedBatcher{sizes: map[*job.Request]int{}}
			r := newBatchRig(t, "", func(s *Settings) {
				sized.fakeBatcher = s.Connector.(*fakeBatcher)
				s.Connector, s.MaxConcurrent = sized, concurrent
			})
			r.batch = batch
			var ended, begun, made atomic.Int64
			var n atomic.Int64
			r.fake.submit = func(context.Context, Try) Result {
				time.Sleep(time.Second)
				switch n.Add(1) % 7 {
				case 3:
					return throttled(5 * time.Second)
				case 5:
					panic("the connector")
				}
				return well()
			}
			r.api.answer = func(tries []*Try) []Result {
				if w := sized.checkCall(tries, batch.Max); w != "" {
					wrong = w
				}
				made.Add(int64(len(tries)))
				return make([]Result, len(tries))
			}
			for _, c := range plans {
				time.Sleep(c.after)
				request := &job.Request{ID: c.id, Reference: c.id, Queue: c.queue}
				sized.mu.Lock()
				sized.sizes[request] = c.size
				sized.mu.Unlock()
				hold, leave := context.WithCancelCause(context.Background())
				if !c.patient {
					time.AfterFunc(c.leaves, func() { leave(errEnough) })
				}
				r.wg.Go(func() {
					defer ended.Add(1)
					defer func() { _ = recover() }()
					defer leave(nil)
					_, _ = r.do(hold, Try{Request: request, Batch: r.batch, Begin: func(context.Context, *Try) bool {
						if c.panics {
							panic("Begin")
						}
						if c.begins {
							begun.Add(1)
						}
						return c.begins
					}}, c.shared)
				})
				synctest.Wait()
			}
			r.wg.Wait()
			synctest.Wait()
			switch {
			case ended.Load() != int64(len(plans)):
				wrong = fmt.Sprintf("%d of %d tries ended", ended.Load(), len(plans))
			case made.Load() > begun.Load():
				wrong = fmt.Sprintf("%d were sent, %d had begun", made.Load(), begun.Load())
			case r.gate.together.Load() != 0, len(r.former.crowds) != 0, r.Gate().Calls != 0, r.line() != 0:
				wrong = fmt.Sprintf("left behind: %d waiting, %d crowds, %+v", r.gate.together.Load(), len(r.former.crowds), r.Gate())
			}
		})
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}
