package uipath_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// acting is one call of each acting operation and how many things it has made.
var acting = map[uipath.Operation]struct{ path, body string }{
	uipath.AddQueueItem:      {addPath, itemBody("Unique", "x")},
	uipath.BulkAddQueueItems: {bulkPath, bulkBody("ProcessAllIndependently", "x")},
	uipath.StartJobs:         {startPath, jobBody("x")},
}

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	const late = 20 * time.Millisecond
	tests := map[string]struct {
		fault  func(op uipath.Operation) uipath.Fault
		status int // 0: no answer
		error  error
		now    int // things made when the call has ended
		later  int // things made in the end
	}{
		"drop":              {func(op uipath.Operation) uipath.Fault { return uipath.Fault{Kind: uipath.Drop} }, 0, io.EOF, 0, 0},
		"reset":             {func(op uipath.Operation) uipath.Fault { return uipath.Fault{Kind: uipath.Reset} }, 0, syscall.ECONNRESET, 0, 0},
		"commit, then drop": {func(op uipath.Operation) uipath.Fault { return uipath.CommitThenDrop(op) }, 0, io.EOF, 1, 1},
		"commit, then reset": {func(op uipath.Operation) uipath.Fault {
			return uipath.Fault{Kind: uipath.Reset, Commit: uipath.CommitFirst}
		}, 0, syscall.ECONNRESET, 1, 1},
		"commit, then 503":  {func(op uipath.Operation) uipath.Fault { return uipath.CommitThenStatus(503, op) }, 503, nil, 1, 1},
		"commit, then page": {func(op uipath.Operation) uipath.Fault { return uipath.CommitThenStatus(200, op) }, 200, nil, 1, 1},
		"commit late":       {func(op uipath.Operation) uipath.Fault { return uipath.CommitLater(late, op) }, 0, syscall.ECONNRESET, 0, 1},
		"504, commit late": {func(op uipath.Operation) uipath.Fault {
			return uipath.Fault{Status: 504, Commit: uipath.CommitLate, CommitDelay: late}
		}, 504, nil, 0, 1},
	}
	for name, test := range tests {
		for op, call := range acting {
			t.Run(name+"/"+string(op), func(t *testing.T) {
				t.Parallel()
				r := start(t, uipath.Settings{RecordCalls: 1})
				r.logIn()
				made := func() int { return len(r.Items()) + len(r.Jobs()) }
				r.SetFault(test.fault(op))
				begun := time.Now()
				got, err := r.try(t.Context(), "POST", call.path, nil, call.body)
				if now := made(); now != test.now && time.Since(begun) < late {
					t.Errorf("%d things made, want %d", now, test.now)
				}
				if got.status != test.status || !errors.Is(err, test.error) {
					t.Errorf("got %d %v, want %d %v", got.status, err, test.status, test.error)
				}
				r.ClearFault()
				soon(t, "the effect", func() bool { return made() == test.later && r.Counts().Effects[op] == test.later })
				if test.later > test.now && time.Since(begun) < late {
					t.Errorf("the effect came after %v", time.Since(begun))
				}
				soon(t, "the books", func() bool { return r.Counts().Calls[op][test.status] == 1 })
				if c := r.Calls()[0]; c.Status != test.status || c.Committed != (test.later == 1) {
					t.Errorf("recorded as %+v", c)
				}
			})
		}
	}
}

func TestCommittedCallIsJudgedLikeAnyOther(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.add("Unique", "x")
	r.SetFault(uipath.CommitThenDrop())
	if _, err := r.try(t.Context(), "POST", addPath, nil, itemBody("Unique", "X")); err == nil {
		t.Error("an answer came")
	}
	if _, err := r.try(t.Context(), "POST", addPath, header{"Authorization": ""}, itemBody("Unique", "y")); err == nil {
		t.Error("an answer came")
	}
	if n := len(r.Items()); n != 1 {
		t.Errorf("%d items, want 1", n)
	}
}

func TestDamagedAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body   uipath.Body
		commit uipath.Commit
		status int
		cut    bool // is the body shorter than promised?
	}{
		"broken":               {uipath.BodyBroken, uipath.NoCommit, 200, false},
		"broken, committed":    {uipath.BodyBroken, uipath.CommitFirst, 201, false},
		"truncated":            {uipath.BodyTruncated, uipath.NoCommit, 200, true},
		"truncated, committed": {uipath.BodyTruncated, uipath.CommitFirst, 201, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			r.logIn()
			r.SetFault(uipath.Fault{Body: test.body, Commit: test.commit})
			got := r.add("Invoices", "a")
			if got.status != test.status || json.Valid([]byte(got.text)) || !strings.HasPrefix(got.text, `{"@odata.context":`) {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if cut := errors.Is(got.err, io.ErrUnexpectedEOF); cut != test.cut {
				t.Errorf("reading: %v", got.err)
			}
			if committed := len(r.Items()) == 1; committed != (test.commit == uipath.CommitFirst) {
				t.Errorf("committed: %v", committed)
			}
		})
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	faults := map[string]uipath.Fault{
		"black hole":            {Kind: uipath.BlackHole},
		"black hole, committed": {Kind: uipath.BlackHole, Commit: uipath.CommitFirst},
		"stalled body":          {Body: uipath.BodyStalled},
	}
	ends := map[string]func(r *rig, leave context.CancelFunc){
		"fault removed": func(r *rig, _ context.CancelFunc) { r.ClearFault() },
		"caller gone":   func(_ *rig, leave context.CancelFunc) { leave() },
		"server closed": func(r *rig, _ context.CancelFunc) { r.Close() },
	}
	for name, fault := range faults {
		for end, act := range ends {
			t.Run(name+"/"+end, func(t *testing.T) {
				t.Parallel()
				r := start(t, uipath.Settings{})
				r.logIn()
				r.SetFault(fault)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				done := make(chan error, 1)
				go func() {
					got, err := r.try(ctx, "POST", addPath, nil, itemBody("Invoices", "a"))
					done <- errors.Join(err, got.err)
				}()
				soon(t, "the call", func() bool { return r.Counts().Running == 1 })
				select {
				case err := <-done:
					t.Fatalf("it ended: %v", err)
				case <-time.After(2 * time.Millisecond):
				}
				act(r, leave)
				if err := <-done; err == nil {
					t.Error("a whole answer came")
				}
				soon(t, "the end", func() bool { return r.Counts().Running == 0 })
				if n, want := len(r.Items()), int(fault.Commit); n != want {
					t.Errorf("%d items, want %d", n, want)
				}
			})
		}
	}
}

func TestEndlessBody(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	r.SetFault(uipath.Fault{Body: uipath.BodyEndless})
	request, _ := http.NewRequestWithContext(t.Context(), "GET", r.URL()+"/odata/QueueItems", nil)
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.CopyN(io.Discard, response.Body, 8<<20); err != nil {
		t.Errorf("it ended after %d bytes: %v", n, err)
	}
	response.Body.Close()
	soon(t, "the end", func() bool { return r.Counts().Running == 0 })
}
