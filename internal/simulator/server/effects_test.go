package server_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

func TestEffects(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{RecordCalls: 10})
	if r.Counts().Effects != nil || len(r.Effects()) > 0 {
		t.Error("effects of nothing")
	}
	for _, body := range []string{"a", "b", "b", "c"} {
		if _, err := r.try(t.Context(), "POST", "/", body); err != nil {
			t.Fatal(err)
		}
	}
	r.SetFault(server.CommitLater(time.Millisecond, act))
	_, _ = r.try(t.Context(), "POST", "/", "late")
	for range 5 {
		<-r.acted
	}
	var made []string
	for _, e := range r.Effects(act) {
		made = append(made, e.Reference+e.ID)
		if e.Operation != act || time.Since(e.Time) > time.Minute {
			t.Errorf("effect %+v", e)
		}
	}
	if diff := cmp.Diff([]string{"a1", "b2", "b3", "c4", "late5"}, made); diff != "" {
		t.Error(diff)
	}
	if len(r.Effects(look)) > 0 || r.Counts().Effects[act] != 5 || r.Calls()[4].Effects != 1 {
		t.Errorf("effects %v, counts %+v", r.Effects(), r.Counts())
	}
}

func TestReckon(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		made, wanted []string
		want         server.Reckoning
	}{
		"well":     {[]string{"a", "b"}, []string{"b", "a"}, server.Reckoning{}},
		"lost":     {[]string{"a"}, []string{"c", "a", "b"}, server.Reckoning{Lost: []string{"c", "b"}}},
		"repeated": {[]string{"a", "a", "b", "a"}, []string{"a", "b"}, server.Reckoning{Repeated: map[string]int{"a": 3}}},
		"strange":  {[]string{"z", "A", ""}, []string{"a"}, server.Reckoning{Lost: []string{"a"}, Strange: []string{"", "A", "z"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, server.Settings{})
			for _, body := range test.made {
				if _, err := r.try(t.Context(), "POST", "/", body); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(test.want, r.Reckon(test.wanted, act)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBends(t *testing.T) {
	t.Parallel()
	r := start(t, server.Settings{})
	seen := func() string {
		got, err := r.try(t.Context(), "GET", "/", "")
		if err != nil {
			t.Fatal(err)
		}
		return got.header.Get("X-Bends")
	}
	if got := seen(); got != "sees, filters" {
		t.Errorf("without a fault it %s", got)
	}
	r.AddFault(server.Lagging(time.Minute, look))
	r.AddFault(server.Lagging(time.Hour, look))
	r.AddFault(server.Unfiltered(look))
	slow := r.AddFault(server.Slow(time.Nanosecond))
	if got := seen(); got != "" || slow.Hits() != 1 {
		t.Errorf("with all of them it %q", got)
	}
	r.SetFault(server.Lagging(time.Minute, look))
	if got := seen(); got != "sees, filters" {
		t.Errorf("with a short lag it %s", got)
	}
}
