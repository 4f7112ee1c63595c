package check

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
)

// monitored is the address of the monitoring of a server of its own.
func monitored(t *testing.T, change func(*server.Options)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	natstest.Start(t, func(o *server.Options) {
		o.HTTPHost = "127.0.0.1"
		if o.HTTPPort, err = strconv.Atoi(port); err != nil {
			t.Fatal(err)
		}
		change(o)
	})
	return "http://" + address
}

func TestSyncingOfAServer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*server.Options)
		want   finding.Status
		says   string
	}{
		"always":       {func(o *server.Options) { o.SyncAlways = true }, finding.OK, "before it answers"},
		"by default":   {func(*server.Options) {}, finding.Warning, "every 2m0s"},
		"more often":   {func(o *server.Options) { o.SyncInterval = 10 * time.Second }, finding.Warning, "every 10s"},
		"no JetStream": {func(o *server.Options) { o.JetStream = false }, finding.Unknown, "JetStream is not enabled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, slash := range []string{"", "/"} {
				address := monitored(t, tt.change)
				f := Syncing(t.Context(), address+slash, false)
				wantSync(t, f, tt.want, tt.says)
				if tt.want != finding.Unknown && !strings.Contains(f.Detail, strings.TrimPrefix(address, "http://")) {
					t.Errorf("which server was asked is not in %q", f.Detail)
				}
			}
		})
	}
}

func wantSync(t *testing.T, f finding.Finding, status finding.Status, says string) {
	t.Helper()
	if f.Subject != "nats" || f.Check != "sync" || f.Status != status || !strings.Contains(f.Detail, says) || (f.Remedy == "") != (status == finding.OK) {
		t.Errorf("%+v, want %v that says %q", f, status, says)
	}
}

func TestSyncingWithoutAskingAServer(t *testing.T) {
	t.Parallel()
	wantSync(t, Syncing(t.Context(), "", true), finding.OK, "embedded")
	wantSync(t, Syncing(t.Context(), "", false), finding.Unknown, "cannot be seen over the NATS connection")
	wantSync(t, Syncing(t.Context(), "http://%zz", false), finding.Unknown, "not of the form")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantSync(t, Syncing(ctx, "http://127.0.0.1:1", false), finding.Unknown, "does not tell")
}

// A cluster's servers are set up one by one: which was asked, and of how many.
func TestSyncingOfACluster(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"config":{"sync_always":true},"meta_cluster":{"cluster_size":3}}`)
	}))
	t.Cleanup(s.Close)
	at := strings.TrimPrefix(s.URL, "http://")
	f := Syncing(t.Context(), "http://user:private@"+at, false)
	wantSync(t, f, finding.OK, at+", one of the cluster's 3,")
	if strings.Contains(f.Detail, "private") {
		t.Error(f.Detail)
	}
}

// What is no report is not read to its end, and not repeated.
func TestSyncingOfSomethingElse(t *testing.T) {
	t.Parallel()
	tests := map[string]http.HandlerFunc{
		"no JetStream report": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>private") },
		"answers with status 404": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
		},
		"is no JetStream": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"private":"`)
			for range 2 * monitoringSize / 1024 {
				if _, err := w.Write([]byte(strings.Repeat("x", 1024))); err != nil {
					return
				}
			}
			fmt.Fprint(w, `","config":{"sync_always":true}}`)
		},
		"not enabled": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) },
	}
	for says, handler := range tests {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(handler)
			t.Cleanup(s.Close)
			f := Syncing(t.Context(), s.URL, false)
			wantSync(t, f, finding.Unknown, says)
			if strings.Contains(f.Detail, "private") {
				t.Errorf("%+v repeats the answer", f)
			}
		})
	}
}
