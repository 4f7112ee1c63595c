package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/config"
)

// scene is a worker between a JetStream server and one of the houses.
type scene struct {
	*running
	house *house
	asked []string // ids that were published, each once
}

// changes are what a case changes of the worker's configuration.
type changes struct {
	connection, route yaml
	// placed has the route fix what the messages name otherwise.
	placed bool
}

// open starts the simulator and the worker.
func open(t *testing.T, start func(*testing.T) *house, c changes) *scene {
	t.Helper()
	h := start(t)
	r := newBareRig(t)
	return &scene{house: h, running: r.startWith(r.parse(h.file(r.nats.URL(), c)))}
}

// file is a worker's configuration: JSON, which is YAML too.
func (h *house) file(nats string, c changes) string {
	connection := yaml{
		"timeout": "4s", "settle": "200ms", "look_ups_per_minute": 6000, "breaker": yaml{"failures": 5, "open": "200ms"},
	}
	maps.Copy(connection, h.connection)
	maps.Copy(connection, c.connection)
	route := yaml{
		"name": "invoices", "subjects": []any{"jobs.invoices.>"}, "connection": "acme", "ack_wait": "3s",
		"retry": yaml{"attempts": 4, "first": "20ms", "max": "100ms"},
	}
	maps.Copy(route, h.route)
	maps.Copy(route, c.route)
	if c.placed {
		delete(route, "allow")
		delete(route, "defaults")
		route["fixed"] = h.place
	}
	text, err := json.Marshal(yaml{
		"nats": yaml{"url": nats}, "admin": yaml{"listen": "127.0.0.1:0"}, "shutdown_grace": "20s",
		"connections": yaml{"acme": connection}, "routes": []any{route},
	})
	if err != nil {
		panic(err) // a test's own mistake
	}
	return string(text)
}

func (r *rig) parse(text string) *config.Config {
	r.t.Helper()
	cfg, err := config.Parse("test.yaml", []byte(text), os.LookupEnv)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, text)
	}
	return cfg
}

// ask publishes the request of an id.
func (s *scene) ask(id string) { s.askAs(id, func(yaml) {}) }

// askAs publishes the request of an id, changed.
func (s *scene) askAs(id string, change func(yaml)) {
	s.t.Helper()
	request := s.house.request(id)
	change(request)
	body, err := json.Marshal(request)
	if err != nil {
		s.t.Fatal(err)
	}
	s.publish(string(body))
	if !slices.Contains(s.asked, id) {
		s.asked = append(s.asked, id)
	}
}

// deliver has some requests carried out, so that the worker knows the place and
// its look-ups have something that they must find.
func (s *scene) deliver(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.ask(id)
	}
	s.settles()
	for _, id := range ids {
		if s.house.times(id) != 1 {
			s.t.Fatalf("%s was not carried out:\n%s", id, s.log)
		}
	}
	s.asked = nil
}

// gateShuts waits until the gate of the connection, or of the route, is shut.
func (s *scene) gateShuts() {
	s.t.Helper()
	s.eventually("the gate shuts", func() bool {
		return slices.ContainsFunc(s.log.events("gate.changed"), func(e map[string]any) bool { return e["state"] != "open" })
	})
}

// ends are the deliveries of a request, as the log has them, in one line each.
func (s *scene) ends(id string) (all []string) {
	for _, e := range s.log.events("delivery.settled") {
		if e["request_id"] == id {
			all = append(all, fmt.Sprint(e["verdict"], " ", e["disposition"]))
		}
	}
	return all
}

// reasons are those of the dead letters, by the ids of their requests.
func (s *scene) reasons() (reasons, details map[string]string) {
	s.t.Helper()
	reasons, details = map[string]string{}, map[string]string{}
	for _, letter := range s.deadLetters() {
		id := letter.Header.Get("Queueferry-Request-Id")
		if reasons[id] != "" {
			s.t.Errorf("%s has two dead letters", id)
		}
		reasons[id], details[id] = letter.Header.Get("Queueferry-Reason"), letter.Header.Get("Queueferry-Detail")
	}
	return reasons, details
}

// withoutDead checks that nothing was set aside.
func (s *scene) withoutDead() {
	s.t.Helper()
	if reasons, details := s.reasons(); len(reasons) > 0 {
		s.t.Errorf("dead letters: %v %v", reasons, details)
	}
}

// settles waits until nothing is left in the stream.
func (s *scene) settles() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); s.left() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d messages are left:\n%s", s.left(), s.log)
		}
	}
}

// madeAtLeast waits for effects that come late.
func (s *scene) madeAtLeast(n int) {
	for deadline := time.Now().Add(3 * time.Second); len(s.house.made()) < n && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
}

func lastOf(all []string) string {
	if len(all) == 0 {
		return ""
	}
	verdict, _, _ := strings.Cut(all[len(all)-1], " ")
	return verdict
}
