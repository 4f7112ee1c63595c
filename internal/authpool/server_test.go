package authpool

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canned is an answer: a status and a body.
type canned struct {
	status int
	body   string
}

// server is a scripted one.
type server struct {
	answers []canned
	asked   []string // method, path with query, and body
	headers []http.Header
}

// RoundTrip gives the answers in their order; without one the network fails.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	s.headers = append(s.headers, r.Header)
	if len(s.asked) > len(s.answers) {
		return nil, io.ErrUnexpectedEOF
	}
	answer := s.answers[len(s.asked)-1]
	return reply(answer.status, answer.body), nil
}

func (s *server) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Errorf("requests (-want +got)\n%s", diff)
	}
}
