package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want []string
	}{
		"none": {good, nil},
		"plain http": {strings.Replace(good, "https://", "http://", 1), []string{
			"q.yaml:4:10: connections.acme.url: is plain http to another machine: tokens and requests can be read on the way; use https",
		}},
		"plain http to this machine": {strings.Replace(good, "https://orchestrator.example.com", "http://127.0.0.1:8081", 1), nil},
		"plain http to localhost":    {strings.Replace(good, "https://orchestrator.example.com", "http://localhost", 1), nil},
		"manage never": {good + "stream: {manage: never, replicas: 1, max_bytes: 5}\n", []string{
			"q.yaml:13:35: stream.replicas: is not used: with manage: never the stream stays as it is",
			"q.yaml:13:49: stream.max_bytes: is not used: with manage: never the stream stays as it is",
		}},
		"batch": {good + "    batch: {max: 20}\n    max_in_flight: 10\n", []string{
			"q.yaml:13:18: routes[0].batch.max: is never reached: only max_in_flight = 10 messages are in hand at once",
		}},
		"subjects without a route": {good + "stream: {subjects: [jobs.>, orders.>]}\n", []string{
			"q.yaml:13:29: stream.subjects[1]: is taken by no route: requests published there stay in the stream",
		}},
		"connection without a route": {
			strings.Replace(good, "  acme:\n", "  beta: {product: uipath, url: https://b, credentials: [{grant: static, token: a}]}\n  acme:\n", 1),
			[]string{"q.yaml:2:9: connections.beta: is used by no route"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, parse(t, tt.file).Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNATS reads what is right, beside the faults elsewhere.
func TestNATS(t *testing.T) {
	t.Parallel()
	kubernetes := []string{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}
	tests := map[string]struct {
		nats   string
		env    []string
		url    string
		listen string
	}{
		"url in Kubernetes":      {"{url: 'nats://a'}", kubernetes, "nats://a", ""},
		"embedded in Kubernetes": {"{embedded: {store_dir: /data}}", kubernetes, "", "127.0.0.1:4222"},
		"empty embedded":         {"{embedded: {}}", nil, "", "127.0.0.1:4222"},
		"empty":                  {"{}", nil, "", "127.0.0.1:4222"},
		"open with a token":      {"{token: a, embedded: {listen: ':4222'}}", nil, "", ":4222"},
		"open with a user":       {"{user: a, password: b, embedded: {listen: '0.0.0.0:4222'}}", nil, "", "0.0.0.0:4222"},
		"free port":              {"{embedded: {listen: '[::1]:0'}}", nil, "", "[::1]:0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, good+"nats: "+tt.nats+"\n", tt.env...).NATS
			listen := ""
			if got.Embedded != nil {
				listen = got.Embedded.Listen
			}
			if got.URL != tt.url || listen != tt.listen {
				t.Errorf("url %q, listen %q", got.URL, listen)
			}
		})
	}
}
