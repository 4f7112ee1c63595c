package uipath_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// soon fails the test if a condition does not come true within seconds.
func soon(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for range 4000 {
		if condition() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s: not within seconds", what)
}

func TestFaultyAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault   uipath.Fault
		status  int
		text    string // a part of the body
		headers header
	}{
		"zero value":          {uipath.Fault{}, 503, `{"message":"An error has occurred.","errorCode":0,"traceId":"00-`, nil},
		"gateway page":        {uipath.Unavailable(), 503, "<h1>503 Service Unavailable</h1>", header{"Content-Type": "text/html; charset=utf-8"}},
		"empty":               {uipath.Fault{Status: 502, Body: uipath.BodyEmpty}, 502, "", header{"Content-Length": "0"}},
		"null":                {uipath.Fault{Status: 200, Body: uipath.BodyNull}, 200, "null", header{"Content-Length": "4"}},
		"business":            {uipath.Fault{Status: 409, ErrorCode: 1010, Message: "Locked."}, 409, `{"message":"Locked.","errorCode":1010,`, nil},
		"throttled":           {uipath.Throttled(""), 429, "Too many requests.", header{"Retry-After": ""}},
		"throttled for 2 s":   {uipath.Throttled(uipath.RetryAfterSeconds(1500 * time.Millisecond)), 429, "", header{"Retry-After": "2"}},
		"throttled as it is":  {uipath.Throttled("soon"), 429, "", header{"Retry-After": "soon"}},
		"redirect":            {uipath.Fault{Status: 302, Body: uipath.BodyEmpty}, 302, "", header{"Location": "/maintenance"}},
		"redirect elsewhere":  {uipath.Fault{Status: 307, Location: "http://127.0.0.1:1/"}, 307, "", header{"Location": "http://127.0.0.1:1/"}},
		"page with 200":       {uipath.Fault{Status: 200, Body: uipath.BodyHTML}, 200, "<html>", nil},
		"fresh token refused": {uipath.RefuseTokens(), 401, "You are not authenticated!", header{"WWW-Authenticate": "Bearer"}},
		"folder forbidden":    {uipath.ForbidFolder("finance/AP"), 403, "You are not allowed to perform this operation.", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			r.logIn()
			r.SetFault(test.fault)
			got := r.add("Invoices", "a")
			if got.status != test.status || !strings.Contains(got.text, test.text) {
				t.Errorf("got %d %s", got.status, got.text)
			}
			for name, want := range test.headers {
				if got := got.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if len(r.Items()) != 0 {
				t.Error("an item was added")
			}
			r.ClearFault()
			if got := r.add("Invoices", "a"); got.status != 201 {
				t.Errorf("after it: %d %s", got.status, got.text)
			}
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	date, err := time.Parse(http.TimeFormat, uipath.RetryAfterDate(time.Minute))
	if wait := time.Until(date); err != nil || wait < 58*time.Second || wait > 62*time.Second {
		t.Errorf("%v %v", wait, err)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const delay = 15 * time.Millisecond
	t.Run("answers truly", func(t *testing.T) {
		t.Parallel()
		r := start(t, uipath.Settings{})
		r.logIn()
		r.SetFault(uipath.Fault{Kind: uipath.Latency, Delay: delay})
		begun := time.Now()
		if got := r.add("Invoices", "a"); got.status != 201 || time.Since(begun) < delay {
			t.Errorf("got %d after %v", got.status, time.Since(begun))
		}
	})
	t.Run("carries out what nobody waits for", func(t *testing.T) {
		t.Parallel()
		r := start(t, uipath.Settings{})
		r.logIn()
		latency := r.SetFault(uipath.Fault{Kind: uipath.Latency, Delay: time.Hour})
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = r.try(ctx, "POST", addPath, nil, itemBody("Invoices", "a"))
		}()
		soon(t, "the call", func() bool { return latency.Hits() == 1 })
		leave()
		<-done
		if len(r.Items()) != 0 {
			t.Error("the item came at once")
		}
		latency.Remove()
		soon(t, "the item", func() bool { return len(r.Items()) == 1 })
	})
	t.Run("after the effect", func(t *testing.T) {
		t.Parallel()
		r := start(t, uipath.Settings{})
		r.logIn()
		latency := r.SetFault(uipath.Fault{Kind: uipath.Latency, Delay: time.Hour, Commit: uipath.CommitFirst})
		done := make(chan reply)
		go func() {
			got, _ := r.try(t.Context(), "POST", addPath, nil, itemBody("Invoices", "a"))
			done <- got
		}()
		soon(t, "the item", func() bool { return len(r.Items()) == 1 })
		latency.Remove()
		if got := <-done; got.status != 201 {
			t.Errorf("got %d", got.status)
		}
	})
	t.Run("of one call does not slow another", func(t *testing.T) {
		t.Parallel()
		r := start(t, uipath.Settings{})
		r.logIn()
		latency := r.SetFault(uipath.Fault{Kind: uipath.Latency, Delay: time.Hour, Calls: 1})
		done := make(chan reply)
		go func() {
			got, _ := r.try(t.Context(), "POST", addPath, nil, itemBody("Invoices", "a"))
			done <- got
		}()
		soon(t, "the call", func() bool { return latency.Hits() == 1 })
		if got := r.add("Invoices", "b"); got.status != 201 {
			t.Errorf("got %d", got.status)
		}
		latency.Remove()
		<-done
	})
}

func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		r := start(t, uipath.Settings{TLS: secure})
		if secure {
			overTLS(t, r)
		}
		r.logIn()
		for range 3 {
			r.SetFault(uipath.Fault{Kind: uipath.RefuseConnections})
			r.client.CloseIdleConnections() // the ones that were reset
			if _, err := r.try(t.Context(), "POST", addPath, nil, itemBody("Invoices", "a")); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("the API: %v", err)
			}
			if got := r.askToken(nil); got.status != 200 {
				t.Errorf("the identity server: %d", got.status)
			}
			r.ClearFault()
			if got := r.add("Invoices", "a"); got.status != 201 {
				t.Fatalf("after it: %d %s", got.status, got.text)
			}
		}
		r.SetFault(uipath.Fault{Kind: uipath.RefuseConnections, Operations: []uipath.Operation{uipath.Token}})
		if conn, err := net.Dial("tcp", strings.SplitN(r.TokenURL(), "/", 4)[2]); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the identity server: %v %v", conn, err)
		}
		if got := r.add("Invoices", "a"); got.status != 201 {
			t.Errorf("the API: %d %s", got.status, got.text)
		}
		r.Close()
	}
}

func TestFaultyIdentityServer(t *testing.T) {
	t.Parallel()
	only := []uipath.Operation{uipath.Token}
	tests := map[string]struct {
		fault  uipath.Fault
		status int
		text   string
	}{
		"down":        {uipath.IdentityDown(502), 502, "<h1>502 Bad Gateway</h1>"},
		"throttled":   {uipath.Throttled("7", uipath.Token), 429, `{"error":"Too many requests."}`},
		"in OAuth":    {uipath.Fault{Operations: only}, 503, `{"error":"temporarily_unavailable"}`},
		"error":       {uipath.Fault{Operations: only, Status: 500}, 500, `{"error":"server_error"}`},
		"refusing":    {uipath.Fault{Operations: only, Status: 401}, 401, `{"error":"invalid_client"}`},
		"other words": {uipath.Fault{Operations: only, Status: 400, Message: "unauthorized_client"}, 400, `{"error":"unauthorized_client"}`},
		"a page":      {uipath.Fault{Operations: only, Status: 200, Body: uipath.BodyHTML}, 200, "<html>"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			r.logIn()
			r.SetFault(test.fault)
			if got := r.askToken(nil); got.status != test.status || !strings.Contains(got.text, test.text) {
				t.Errorf("got %d %s", got.status, got.text)
			}
			if got := r.add("Invoices", "a"); got.status != 201 {
				t.Errorf("the API: %d %s", got.status, got.text)
			}
			r.SetFault(uipath.Unavailable())
			if got := r.askToken(nil); got.status != 200 {
				t.Errorf("a fault of the API: %d %s", got.status, got.text)
			}
		})
	}
}

func TestLimitedFaults(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{Seed: 7})
	statuses := func(references ...string) (got []int) {
		for _, reference := range references {
			got = append(got, r.add("Invoices", reference).status)
		}
		return got
	}
	r.logIn()

	calls := r.SetFault(uipath.Fault{Calls: 2})
	if diff := cmp.Diff([]int{503, 503, 201}, statuses("a", "b", "c")); diff != "" || calls.Hits() != 2 {
		t.Errorf("the next two calls: %s, %d hits", diff, calls.Hits())
	}
	r.SetFault(uipath.Fault{Match: func(reference string) bool { return reference == "b" }})
	if diff := cmp.Diff([]int{201, 503, 201}, statuses("a", "b", "")); diff != "" {
		t.Errorf("by reference: %s", diff)
	}
	if got := r.call("POST", bulkPath, nil, bulkBody("AllOrNothing", "x", "b")); got.status != 503 {
		t.Errorf("a batch by reference: %d", got.status)
	}
	if got := r.call("GET", "/odata/QueueItems", nil, ""); got.status != 200 {
		t.Errorf("a call without a reference: %d", got.status)
	}
	r.SetFault(uipath.Fault{Operations: []uipath.Operation{uipath.StartJobs}})
	if diff := cmp.Diff([]int{201}, statuses("a")); diff != "" {
		t.Errorf("another operation: %s", diff)
	}
	r.SetFault(uipath.ForbidFolder("Elsewhere"))
	if diff := cmp.Diff([]int{201}, statuses("a")); diff != "" {
		t.Errorf("another folder: %s", diff)
	}
	half := r.SetFault(uipath.Fault{Probability: 0.5})
	for range 100 {
		r.add("Invoices", "a")
	}
	if n := half.Hits(); n < 25 || n > 75 {
		t.Errorf("a half is %d of 100", n)
	}
}

func TestSeveralFaults(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.logIn()
	first := r.AddFault(uipath.Fault{Status: 500, Calls: 1})
	second := r.AddFault(uipath.Fault{Status: 502})
	for _, want := range []int{500, 502} {
		if got := r.add("Invoices", "a"); got.status != want {
			t.Errorf("got %d, want %d", got.status, want)
		}
	}
	second.Remove()
	first.Remove()
	second.Remove()
	if got := r.add("Invoices", "a"); got.status != 201 || second.Hits() != 1 {
		t.Errorf("got %d, %d hits", got.status, second.Hits())
	}
}

func TestProbabilityIsRepeatable(t *testing.T) {
	t.Parallel()
	run := func() (got []int) {
		r := start(t, uipath.Settings{Seed: 42})
		r.SetFault(uipath.Fault{Probability: 0.3})
		for range 20 {
			got = append(got, r.add("Invoices", "a").status)
		}
		return got
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Error(diff)
	}
}

func TestCloseDropsLateEffects(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.SetFault(uipath.CommitLater(time.Hour))
	_, _ = r.try(t.Context(), "POST", addPath, nil, itemBody("Invoices", "a"))
	r.Close()
	r.Close()
	r.ClearFault()
	if n := len(r.Items()); n != 0 {
		t.Errorf("%d items", n)
	}
}
