package request

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openRoute allows a message everything.
var openRoute = Settings{Allow: Allow{
	Folders: []string{"*"}, Queues: []string{"*"}, Processes: []string{"*"}, Options: []string{"*"},
}}

func newDecoder(t testing.TB, s Settings) *Decoder {
	t.Helper()
	d, err := NewDecoder(s)
	if err != nil {
		t.Fatal(err)
	}
	if d.transform != nil {
		d.transform.limit = time.Minute // what a program does is judged here, not the machine
	}
	return d
}

func message(body string, header ...string) Message {
	m := Message{Subject: "jobs.a", Data: []byte(body), Stream: "JOBS", Sequence: 7, Time: time.Unix(0, 1_700_000_000_000_000_001)}
	for i := 0; i < len(header); i += 2 {
		if m.Header == nil {
			m.Header = map[string][]string{}
		}
		m.Header[header[i]] = append(m.Header[header[i]], header[i+1])
	}
	return m
}

// accept decodes a message that must be taken.
func accept(t *testing.T, s Settings, m Message) *job.Request {
	t.Helper()
	req, out, ok := newDecoder(t, s).Decode(t.Context(), m)
	if !ok {
		t.Fatalf("refused: %+v", out)
	}
	if diff := cmp.Diff(job.Outcome{}, out); diff != "" {
		t.Fatalf("outcome of a good message: %s", diff)
	}
	return req
}

// refuse decodes a message that must not be taken, and checks why.
func refuse(t *testing.T, s Settings, m Message, reason job.Reason, detail string) *job.Request {
	t.Helper()
	req, out, ok := newDecoder(t, s).Decode(t.Context(), m)
	if ok {
		t.Fatalf("taken: %+v", req)
	}
	if out.Verdict != job.Rejected || out.Reason != reason {
		t.Errorf("got %s %s (%s), want rejected %s", out.Verdict, out.Reason, out.Detail, reason)
	}
	if !strings.Contains(out.Detail, detail) {
		t.Errorf("detail %q does not contain %q", out.Detail, detail)
	}
	if req == nil || req.ID == "" {
		t.Errorf("no id in %+v", req)
	}
	return req
}

func TestDecodeIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	d := newDecoder(t, Settings{
		Fixed:     Preset{Queue: "Invoices", Content: job.Fields{"Source": []byte(`"nats"`)}},
		Defaults:  Preset{Action: job.AddQueueItem, Content: job.Fields{"Currency": []byte(`"EUR"`)}},
		Transform: `{id: .nr, content: {Vendor: .vendor}}`,
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				want := fmt.Sprintf("%d-%d", i, j)
				req, out, ok := d.Decode(t.Context(), message(fmt.Sprintf(`{"nr":%q,"vendor":"v%s"}`, want, want)))
				if !ok || req.ID != want || string(req.Content["Vendor"]) != `"v`+want+`"` || len(req.Content) != 3 {
					t.Errorf("got %+v %+v", req, out)
				}
			}
		})
	}
	wg.Wait()
}

// A reader that is given back must not mix one message's values into another's.
func TestRequestOutlivesTheNextMessage(t *testing.T) {
	t.Parallel()
	d := newDecoder(t, openRoute)
	first, _, _ := d.Decode(t.Context(), message(`{"id":"a","action":"add_queue_item","queue":"Q","content":{"V":"one","N":12.50}}`))
	for range 100 {
		d.Decode(t.Context(), message(`{"id":"b","action":"add_queue_item","queue":"R","content":{"V":"two","N":99.99}}`))
	}
	want := &job.Request{ID: "a", Action: job.AddQueueItem, Queue: "Q", Reference: "a", Content: job.Fields{"V": []byte(`"one"`), "N": []byte("12.50")}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
}

func TestPresetsStayUntouched(t *testing.T) {
	t.Parallel()
	fixed := job.Fields{"A": []byte("1")}
	s := Settings{Fixed: Preset{Queue: "Q", Content: fixed}, Defaults: Preset{Action: job.AddQueueItem, Content: job.Fields{"B": []byte("2")}}}
	req := accept(t, s, message(`{"content":{"C":3}}`))
	want := job.Fields{"A": []byte("1"), "B": []byte("2"), "C": []byte("3")}
	if diff := cmp.Diff(want, req.Content); diff != "" {
		t.Error(diff)
	}
	if len(fixed) != 1 || len(s.Defaults.Content) != 1 {
		t.Error("the route's presets were changed")
	}
}
