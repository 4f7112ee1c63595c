package server_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	act  server.Operation = "Act"
	look server.Operation = "Look"
)

// rig is a server that counts how often Act was carried out.
type rig struct {
	*server.Server
	t      testing.TB
	client *http.Client
	acted  chan string // the bodies of Act
	ids    atomic.Int64
}

func start(t testing.TB, settings server.Settings) *rig {
	t.Helper()
	s, err := server.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	r := &rig{Server: s, t: t, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, acted: make(chan string, 100)}
	err = s.Open(server.Product{
		Operation: func(c *server.Call) server.Operation {
			if c.Method == http.MethodPost {
				return act
			}
			return look
		},
		Inspect: s.InspectQuery,
		Serve: func(c *server.Call) server.Answer {
			if c.Operation == act {
				s.Effect(c, string(c.Body), strconv.FormatInt(r.ids.Add(1), 10))
				r.acted <- string(c.Body)
			}
			given := server.JSON(http.StatusOK, map[string]any{"done": string(c.Body)})
			if c.Sees(time.Now().Add(-30*time.Minute)) && !c.FilterIgnored() {
				given = given.With("X-Bends", "sees, filters")
			}
			return given
		},
		Refusal: func(_ *server.Call, status int, code string) server.Answer {
			return server.JSON(status, map[string]any{"code": code})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type reply struct {
	status int
	header http.Header
	text   string
}

// try makes a call; the error is that of the exchange, or of reading the body.
func (r *rig) try(ctx context.Context, method, path, body string) (reply, error) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("User-Agent", "test")
	response, err := r.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, text: string(text)}, err
}
