package broker

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/natstest"
)

const members = 3

// cluster is three servers that have found each other, and a leader for what is
// made.
func cluster(t *testing.T) (servers [members]*natstest.Server) {
	t.Helper()
	var ports [members]int
	var routes []*url.URL
	for i := range servers {
		address := natstest.FreeAddress(t)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		if ports[i], err = strconv.Atoi(port); err != nil {
			t.Fatal(err)
		}
		routes = append(routes, &url.URL{Scheme: "nats", Host: address})
	}
	for i := range servers {
		servers[i] = natstest.Start(t, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("member-%d", i)
			o.Cluster = server.ClusterOpts{Name: "three", Host: "127.0.0.1", Port: ports[i], NoAdvertise: true}
			o.Routes = routes
		})
	}
	return servers
}

// eventuallyEnsured makes everything once the cluster is ready for it.
func eventuallyEnsured(t *testing.T, c *Conn, topology Topology) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		try, stop := context.WithTimeout(ctx, 5*time.Second)
		warnings, err := Ensure(try, c.JetStream(), topology)
		stop()
		if err == nil && len(warnings) == 0 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("warnings %q, error %v", warnings, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// eventuallyBad inspects until the findings that are not ok are these.
func eventuallyBad(t *testing.T, c *Conn, topology Topology, want map[string]finding.Status) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		found := Inspect(t.Context(), c, topology, Inspection{})
		if exactly(found, want) || time.Now().After(deadline) {
			wantBad(t, found, want)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func exactly(found []finding.Finding, want map[string]finding.Status) bool {
	bad := 0
	for _, f := range found {
		if f.Status == finding.OK {
			continue
		}
		bad++
		if status, ok := want[f.Subject+"/"+f.Check]; !ok || status != f.Status {
			return false
		}
	}
	return bad == len(want)
}

// On a cluster with three replicas nothing is warned of, nothing is changed, and
// a server that is down is told of everything that it has a replica of.
func TestInspectACluster(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	topology := sample()
	topology.Stream.Replicas = members
	for n := range topology.Consumers {
		topology.Consumers[n].AckWait = time.Minute
	}
	c := connect(t, Settings{URL: servers[0].URL()})
	eventuallyEnsured(t, c, topology)
	eventuallyBad(t, c, topology, map[string]finding.Status{})

	unchangedBy(t, servers[0].JetStream(t), func() { Inspect(t.Context(), c, topology, Inspection{}) })

	servers[2].Shutdown()
	eventuallyBad(t, c, topology, map[string]finding.Status{
		"stream JOBS/leader": finding.Warning, "dead-letter stream JOBS_DEAD/letters": finding.Warning,
	})
}
