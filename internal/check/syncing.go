package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
)

const (
	syncingSubject = "nats"
	syncingCheck   = "sync"
	// monitoringLimit is how long the server's monitoring may take.
	monitoringLimit = 5 * time.Second
	// monitoringSize is far more than a report without details has.
	monitoringSize = 1 << 20
)

// Syncing says whether the server writes each message to the disk before it
// answers. JetStream itself does not tell; the server's HTTP monitoring does, of
// the one server that it is asked of. An embedded server is ours, and does.
func Syncing(ctx context.Context, monitoringURL string, embedded bool) finding.Finding {
	switch {
	case embedded:
		return finding.Good(syncingSubject, syncingCheck, "the embedded server writes every message to the disk before it answers")
	case monitoringURL == "":
		return finding.Bad(finding.Unknown, syncingSubject, syncingCheck,
			"whether the server writes each message to the disk before it answers cannot be seen over the NATS connection",
			"Give the address of its HTTP monitoring: --nats-monitoring http://HOST:8222.")
	}
	s, err := askSyncing(ctx, monitoringURL)
	if err != nil {
		return finding.Bad(finding.Unknown, syncingSubject, syncingCheck,
			fmt.Sprintf("the server's HTTP monitoring does not tell: %v", err),
			"Check --nats-monitoring (http://HOST:8222), and http_port in the server's configuration.")
	}
	server := "the server that was asked, " + hostOf(monitoringURL)
	if s.servers > 1 {
		server += ", one of the cluster's " + strconv.Itoa(s.servers)
	}
	if s.Always {
		return finding.Good(syncingSubject, syncingCheck, server+", writes every message to the disk before it answers")
	}
	return finding.Bad(finding.Warning, syncingSubject, syncingCheck,
		fmt.Sprintf("%s, writes to the disk every %v: when the machine crashes or loses power, requests of that time that were answered as stored are lost, "+
			"and notes of what was sent; with replicas, only if it happens to most of them at once", server, s.Interval),
		"Set sync_interval: always in the jetstream section of the configuration of each server.")
}

// hostOf is where a server was asked, without what else an address may hold.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// syncing is how a server writes to its disk.
type syncing struct {
	Always   bool          `json:"sync_always"`
	Interval time.Duration `json:"sync_interval"` // in nanoseconds
	servers  int           // of the cluster; 0: it is in none
}

// askSyncing reads the JetStream report of the server's monitoring (NATS
// documentation, Monitoring, JetStream Information).
func askSyncing(ctx context.Context, monitoringURL string) (syncing, error) {
	ctx, cancel := context.WithTimeout(ctx, monitoringLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(monitoringURL, "/")+"/jsz", http.NoBody)
	if err != nil {
		return syncing{}, errors.New("its address is not of the form http://HOST:8222")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return syncing{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return syncing{}, fmt.Errorf("it answers with status %d", response.StatusCode)
	}
	var report struct {
		Disabled bool     `json:"disabled"`
		Config   *syncing `json:"config"`
		Cluster  struct {
			Size int `json:"cluster_size"`
		} `json:"meta_cluster"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, monitoringSize)).Decode(&report); err != nil {
		return syncing{}, errors.New("its answer is no JetStream report")
	}
	if report.Disabled || report.Config == nil {
		return syncing{}, errors.New("JetStream is not enabled on that server")
	}
	report.Config.servers = report.Cluster.Size
	return *report.Config, nil
}
