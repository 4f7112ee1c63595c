package integration

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/simulator/automationanywhere"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// outcomeOf is what calls by one pod came to.
type outcomeOf struct {
	mu                     sync.Mutex
	worked, refused, taken int
	lateWorked, lateFailed int // in the last seconds
}

func (o *outcomeOf) note(err error, late bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.worked++
		if late {
			o.lateWorked++
		}
		return
	case late:
		o.lateFailed++
	}
	o.refused++
	if e, ok := errors.AsType[*authpool.Error](err); ok && e.Reason == job.SessionTaken {
		o.taken++
	}
}

// contend runs pods on one account: each makes calls all the while. They begin at
// once, or each after the one before it has made a call.
func contend(t *testing.T, p product, pods int, atOnce bool, during time.Duration) ([]*way, []*outcomeOf) {
	t.Helper()
	const late = 5 * time.Second
	ways, outcomes := make([]*way, pods), make([]*outcomeOf, pods)
	var wg sync.WaitGroup
	for i := range pods {
		ways[i], outcomes[i] = p.open(t), &outcomeOf{}
		if !atOnce {
			ways[i].callAtOnce(1)
		}
	}
	end := time.Now().Add(during)
	for i := range pods {
		for range 4 {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					err := ways[i].call(context.Background(), ways[i].Target, n)
					outcomes[i].note(err, time.Until(end) < late)
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
	wg.Wait()
	return ways, outcomes
}

// waits tells that the pool tries no log-in for a while, and has said why, once.
func (w *way) waits(unsure bool) bool {
	s := w.Pool.State()
	told := w.count(func(e authpool.Event) bool { return e.Name == authpool.Refused && e.Reason == s.Reason })
	known := s.Reason == job.SessionTaken || unsure && s.Reason == job.TokenRefused
	return known && told == 1 && time.Until(s.NextTry) > 10*time.Second
}

// Pods whose log-ins end each other's sessions do not fight: all but one of them
// soon wait, and say why, and the last one works undisturbed.
func TestPodsThatEndEachOthersSessions(t *testing.T) {
	t.Parallel()
	controlRoom := func(g automationanywhere.Generation) func(*testing.T) product {
		return func(t *testing.T) product {
			s := automationanywhere.Settings{Generation: g, Accounts: []automationanywhere.Account{{Username: "queueferry", Password: "pass"}}}
			return controlRoomProduct(t, s, "password: pass")
		}
	}
	veeamOne := func(t *testing.T) product {
		return veeamProduct(t, veeam.Settings{SingleSession: true}, func(*veeam.Orchestrator) string {
			return "- {grant: client_credentials, client_id: client, client_secret: client-secret}"
		})
	}
	for name, tt := range map[string]struct {
		start  func(*testing.T) product
		pods   int
		atOnce bool // then a pod may never see a token work: it cannot tell who ends it
	}{
		"e11, two pods":            {controlRoom(automationanywhere.E11), 2, false},
		"a360, two pods":           {controlRoom(automationanywhere.A360), 2, false},
		"a360, two pods at once":   {controlRoom(automationanywhere.A360), 2, true},
		"a360, three pods":         {controlRoom(automationanywhere.A360), 3, false},
		"a360, three pods at once": {controlRoom(automationanywhere.A360), 3, true},
		"a360, five pods":          {controlRoom(automationanywhere.A360), 5, false},
		"Veeam, two pods":          {veeamOne, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.start(t)
			ways, outcomes := contend(t, p, tt.pods, tt.atOnce, 15*time.Second)
			atWork, waiting := 0, 0
			for i, w := range ways {
				o, s := outcomes[i], w.Pool.State()
				if n := w.tokens(); n > 3 {
					t.Errorf("pod %d logged in %d times in 15 s", i, n)
				}
				switch {
				case s.Status == authpool.OK && o.lateFailed == 0 && o.lateWorked > 0:
					atWork++
				case w.waits(tt.atOnce) && o.worked < o.refused:
					waiting++
				}
				t.Logf("pod %d: %d log-ins, %d calls worked, %d did not, %d for session_taken, state %v %s for %v",
					i, w.tokens(), o.worked, o.refused, o.taken, s.Status, s.Reason, time.Until(s.NextTry).Round(time.Second))
			}
			if atWork != 1 || waiting != tt.pods-1 {
				t.Errorf("%d pods work and %d wait", atWork, waiting)
			}
		})
	}
}

// Sessions that may stand beside each other do: no pod notices the others.
func TestPodsWithSessionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ credential string }{
		"API key":        {"api_key: key"},
		"multiple_login": {"password: pass\nmultiple_login: true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account := automationanywhere.Account{Username: "queueferry", Password: "pass", APIKey: "key", MultipleSessions: true}
			p := controlRoomProduct(t, automationanywhere.Settings{
				Generation: automationanywhere.A360, Accounts: []automationanywhere.Account{account},
			}, tt.credential)
			ways, outcomes := contend(t, p, 3, true, 6*time.Second)
			for i, o := range outcomes {
				if o.refused > 0 || o.worked == 0 || ways[i].tokens() != 1 {
					t.Errorf("pod %d: %d calls worked, %d did not, %d log-ins", i, o.worked, o.refused, ways[i].tokens())
				}
			}
			for _, w := range ways {
				w.close()
			}
			if got := p.books(); got.LogIns != 3 || got.Voided > 0 || got.Live > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}
