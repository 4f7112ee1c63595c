package server_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

func TestFaultsThatAnswer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  server.Fault
		status int
		text   string
		header [2]string
	}{
		"a page":      {server.Down(502), 502, "<h1>502 Bad Gateway</h1>", [2]string{"Content-Type", "text/html; charset=utf-8"}},
		"an envelope": {server.Fault{Status: 500, Code: "x"}, 500, `{"code":"x"}`, [2]string{}},
		"throttled":   {server.Throttled("7"), 429, `{"code":""}`, [2]string{"Retry-After", "7"}},
		"empty":       {server.Fault{Body: server.BodyEmpty}, 503, "", [2]string{"Content-Length", "0"}},
		"null":        {server.Fault{Status: 200, Body: server.BodyNull}, 200, "null", [2]string{"Content-Length", "4"}},
		"redirect":    {server.Fault{Status: 302, Body: server.BodyHTML}, 302, "302", [2]string{"Location", "/maintenance"}},
		"broken":      {server.Fault{Body: server.BodyBroken, Commit: server.CommitFirst}, 200, `{"don`, [2]string{"Content-Length", "5"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, server.Settings{})
			r.AddFault(test.fault)
			got, err := r.try(t.Context(), "POST", "/", "")
			if err != nil || got.status != test.status || !strings.Contains(got.text, test.text) {
				t.Fatalf("got %d %v %q", got.status, err, got.text)
			}
			if name := test.header[0]; name != "" && got.header.Get(name) != test.header[1] {
				t.Errorf("%s is %q", name, got.header.Get(name))
			}
			if committed := len(r.acted) == 1; committed != (test.fault.Commit == server.CommitFirst) {
				t.Errorf("committed: %v", committed)
			}
		})
	}
}

func TestFaultsThatCut(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault server.Fault
		want  error
	}{
		"reset":     {server.Fault{Kind: server.Reset}, syscall.ECONNRESET},
		"drop":      {server.Fault{Kind: server.Drop}, io.EOF},
		"refuse":    {server.Fault{Kind: server.RefuseConnections}, syscall.ECONNREFUSED},
		"truncated": {server.Fault{Body: server.BodyTruncated}, io.ErrUnexpectedEOF},
		"hung":      {server.Hung(), context.DeadlineExceeded},
		"stalled":   {server.Fault{Body: server.BodyStalled}, context.DeadlineExceeded},
		"endless":   {server.Fault{Body: server.BodyEndless}, context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, server.Settings{})
			fault := r.AddFault(test.fault)
			ctx := t.Context()
			if errors.Is(test.want, context.DeadlineExceeded) {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			if _, err := r.try(ctx, "POST", "/", ""); !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
			fault.Remove()
			if got, err := r.try(t.Context(), "POST", "/", "again"); err != nil || got.status != 200 || <-r.acted != "again" {
				t.Errorf("after it: %d %v", got.status, err)
			}
		})
	}
}

func TestEffectsOfLostAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{})
	r.SetFault(server.CommitThenDrop(act))
	if _, err := r.try(t.Context(), "POST", "/", "first"); err == nil {
		t.Error("there was an answer")
	}
	if got := <-r.acted; got != "first" {
		t.Errorf("the effect is %q", got)
	}
	r.SetFault(server.Fault{Kind: server.Drop, Commit: server.CommitLate, CommitDelay: time.Millisecond})
	if _, err := r.try(t.Context(), "POST", "/", "late"); err == nil {
		t.Error("there was an answer")
	}
	if got := <-r.acted; got != "late" {
		t.Errorf("the effect is %q", got)
	}
}

func TestLatencyEndsWithTheFault(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{})
	slow := r.AddFault(server.Slow(time.Hour, look))
	done := make(chan error, 1)
	go func() {
		_, err := r.try(t.Context(), "GET", "/", "")
		done <- err
	}()
	for slow.Hits() == 0 {
		time.Sleep(time.Millisecond)
	}
	r.ClearFault()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhichCallsAFaultMeets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault server.Fault
		want  int // of 3 calls of each operation
	}{
		"all":       {server.Fault{}, 6},
		"operation": {server.Fault{Operations: []server.Operation{act}}, 3},
		"two calls": {server.Fault{Calls: 2}, 2},
		"match":     {server.Fault{Match: func(c *server.Call) bool { return string(c.Body) == "1" }}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, server.Settings{})
			fault := r.AddFault(test.fault)
			failed := 0
			for _, body := range []string{"1", "2", "3"} {
				for _, method := range []string{"POST", "GET"} {
					sent := body
					if method == "GET" {
						sent = ""
					}
					got, err := r.try(t.Context(), method, "/", sent)
					if err != nil {
						t.Fatal(err)
					}
					if got.status == 503 {
						failed++
					}
				}
			}
			if failed != test.want || fault.Hits() != test.want {
				t.Errorf("%d failed, %d hits, want %d", failed, fault.Hits(), test.want)
			}
		})
	}
}
