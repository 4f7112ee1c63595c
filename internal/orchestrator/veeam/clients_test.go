package veeam

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// server answers each call, and notes it.
type server struct {
	answer func(*http.Request) (int, string)
	calls  []string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.calls = append(s.calls, r.Method+" "+r.URL.RequestURI())
	status, body := s.answer(r)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func clientsOf(answer func(*http.Request) (int, string)) (*Clients, *server) {
	s := &server{answer: answer}
	return &Clients{Client: orchestrator.Client{Transport: s, BaseURL: "https://vro:9898", Timeout: time.Minute}, APIVersion: "v7.21"}, s
}

func TestList(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   []string
		fails  bool
	}{
		"as the reference shows it": {200, `["4F82B8C7", "55D17162"]`, []string{"4F82B8C7", "55D17162"}, false},
		"rows of objects":           {200, `[{"client_id": "4F82B8C7", "client_secret": null}]`, []string{"4F82B8C7"}, false},
		"none":                      {200, `[]`, nil, false},
		"an object":                 {200, `{"data": []}`, nil, true},
		"null":                      {200, `null`, nil, true},
		"nothing":                   {200, ``, nil, true},
		"numbers":                   {200, `[1]`, nil, true},
		"an empty id":               {200, `[""]`, nil, true},
		"a page":                    {200, `<html>`, nil, true},
		"refused":                   {403, `{"message": "no"}`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := clientsOf(func(*http.Request) (int, string) { return tt.status, tt.body })
			got, err := c.List(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.fails {
				t.Errorf("%v\n%s", err, diff)
			}
			if diff := cmp.Diff([]string{"GET /api/v7.21/Clients"}, s.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An answer without the secret is no success, and never names it.
func TestCreate(t *testing.T) {
	t.Parallel()
	const canary = "s3cr3t-canary"
	for name, tt := range map[string]struct {
		status  int
		body    string
		made    bool
		verdict job.Verdict
	}{
		"made":              {200, `{"client_id": "72225B81", "client_secret": "` + canary + `"}`, true, 0},
		"201":               {201, `{"client_id": "72225B81", "client_secret": "` + canary + `"}`, true, 0},
		"no secret":         {200, `{"client_id": "72225B81"}`, false, job.Unknown},
		"no id":             {200, `{"client_secret": "` + canary + `"}`, false, job.Unknown},
		"the secret as id":  {200, `{"client_id": "x` + canary + `", "client_secret": "` + canary + `"}`, false, job.Unknown},
		"an error with it":  {500, `{"message": "` + canary + `"}`, false, job.Unknown},
		"a refusal with it": {400, `{"message": "` + canary + `"}`, false, job.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := clientsOf(func(*http.Request) (int, string) { return tt.status, tt.body })
			made, err := c.Create(t.Context())
			if len(s.calls) != 1 || s.calls[0] != "POST /api/v7.21/Clients" {
				t.Errorf("%q", s.calls)
			}
			if tt.made {
				if value, _ := made.Secret.Read(); err != nil || made.ID != "72225B81" || value != canary {
					t.Errorf("%v, %v", made, err)
				}
				return
			}
			call, ok := errors.AsType[*CallError](err)
			if !ok || call.Result.Verdict != tt.verdict || strings.Contains(err.Error(), canary) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	listed := func(list string, status int) func(*http.Request) (int, string) {
		return func(r *http.Request) (int, string) {
			if r.Method == http.MethodGet && list != "" {
				return 200, list
			}
			return status, ""
		}
	}
	for name, tt := range map[string]struct {
		answer func(*http.Request) (int, string)
		want   error // nil: none
		other  bool
		calls  int
	}{
		"deleted":              {listed("", 204), nil, false, 1},
		"200":                  {listed("", 200), nil, false, 1},
		"unknown, 400":         {listed(`["a"]`, 400), ErrNoClient, false, 2},
		"unknown, 404":         {listed(`["a"]`, 404), ErrNoClient, false, 2},
		"refused though known": {listed(`["A&B"]`, 400), nil, true, 2},
		"no such resource":     {listed("", 404), ErrNoClients, false, 2},
		"down":                 {listed("", 503), nil, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := clientsOf(tt.answer)
			err := c.Delete(t.Context(), "a&b")
			if len(s.calls) != tt.calls || s.calls[0] != "DELETE /api/v7.21/Clients?clientId=a%26b" {
				t.Errorf("%q", s.calls)
			}
			_, failed := errors.AsType[*CallError](err)
			if tt.want != nil && !errors.Is(err, tt.want) || failed != tt.other {
				t.Errorf("%v", err)
			}
			if tt.want == nil && !tt.other && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
	c, s := clientsOf(listed("", 204))
	if err := c.Delete(t.Context(), ""); !errors.Is(err, ErrNoClient) || len(s.calls) > 0 {
		t.Errorf("without an id: %v, %q", err, s.calls)
	}
}
