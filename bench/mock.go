package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// The operations of UiPath Orchestrator that the mock knows.
const (
	singlePath = "/odata/Queues/UiPathODataSvc.AddQueueItem"
	bulkPath   = "/odata/Queues/UiPathODataSvc.BulkAddQueueItems"
)

// mock is an orchestrator that takes everything, after a while, and keeps books.
// It is safe for concurrent use.
type mock struct {
	plain, tls *httptest.Server

	mu      sync.Mutex
	latency time.Duration
	gate    chan struct{} // calls wait until it is closed; nil: they do not
	at      []time.Time   // of each request, when it came first
	books   books
	changed chan struct{} // has an element after anything arrived
}

// books are what arrived.
type books struct {
	arrived     int // different requests
	doubles     int // requests that came again
	strangers   int // requests that were never published
	calls       int
	waiting     int // calls at the gate
	connections int
	last        time.Time      // the last new request came
	byToken     map[string]int // requests of each caller
}

// reset begins anew, for so many requests, with the gate shut.
func (m *mock) reset(requests int, latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latency, m.gate = latency, make(chan struct{})
	m.at = make([]time.Time, requests)
	m.books = books{byToken: map[string]int{}}
}

// release lets the calls go that wait, and all later ones.
func (m *mock) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gate != nil {
		close(m.gate)
		m.gate = nil
	}
}

// now is what arrived up to now.
func (m *mock) now() books {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.books
}

// arrival is when a request came first; zero: not yet.
func (m *mock) arrival(number int) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at[number]
}

// newMock listens twice: in the clear for HTTP/1.1, and with TLS for HTTP/2.
func newMock() *mock {
	m := &mock{changed: make(chan struct{}, 1)}
	m.plain, m.tls = httptest.NewUnstartedServer(m), httptest.NewUnstartedServer(m)
	for _, s := range []*httptest.Server{m.plain, m.tls} {
		s.Config.ConnState = m.connection
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
	}
	m.plain.Start()
	m.tls.EnableHTTP2 = true
	m.tls.StartTLS()
	return m
}

// certificate is what a caller must trust, as PEM.
func (m *mock) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.tls.Certificate().Raw})
}

// close ends every call.
func (m *mock) close() {
	m.release()
	for _, s := range []*httptest.Server{m.plain, m.tls} {
		s.CloseClientConnections()
		s.Close()
	}
}

func (m *mock) connection(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		m.mu.Lock()
		m.books.connections++
		m.mu.Unlock()
	}
}

// ServeHTTP answers in the product's form.
func (m *mock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal; charset=utf-8")
	if r.URL.Path != singlePath && r.URL.Path != bulkPath {
		fmt.Fprint(w, `{"value":[]}`)
		return
	}
	number, latency, gate := m.enter(r.Header.Get("Authorization"), body)
	if gate != nil {
		<-gate
	}
	time.Sleep(latency)
	if r.URL.Path == bulkPath {
		fmt.Fprint(w, `{"Success":true,"Message":"","FailedItems":[]}`)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"Id":%d,"Key":"00000000-0000-4000-8000-%012x","QueueDefinitionId":7,"Status":"New","ReviewStatus":"None","Priority":"Normal",`+
		`"CreationTime":"2026-01-31T06:00:00.123Z","RetryNumber":0,"RowVersion":"AAAAAAAAB9E=","OrganizationUnitId":12,"Reference":"bench-%d"}`,
		number+1, number, number)
}

// marker comes before a request's number, whichever way it travels.
var marker = []byte(`"BenchItem":"`)

// enter notes the requests of a call, and tells one of their numbers.
func (m *mock) enter(token string, body []byte) (number int, latency time.Duration, gate <-chan struct{}) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.books.calls++
	if m.gate != nil {
		m.books.waiting++
	}
	for {
		_, rest, ok := bytes.Cut(body, marker)
		if !ok {
			break
		}
		text, rest, _ := bytes.Cut(rest, []byte{'"'})
		number = m.note(string(text), now)
		m.books.byToken[token]++
		body = rest
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return number, m.latency, m.gate
}

// note notes one request. The lock is held.
func (m *mock) note(text string, now time.Time) int {
	number, err := strconv.Atoi(text)
	switch {
	case err != nil || number < 0 || number >= len(m.at):
		m.books.strangers++
		return 0
	case !m.at[number].IsZero():
		m.books.doubles++
	default:
		m.at[number] = now
		m.books.arrived++
		m.books.last = now
	}
	return number
}
