package integration

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/queueferry/queueferry/internal/ledger"
)

// victim is the id of the request at which an ambush lies in wait.
const victim = "victim"

// moment is something that happens to the victim, seen from outside of the worker.
type moment string

// The moments, in the order of a message's life.
const (
	pulled      moment = "pulled"      // the message goes to the worker
	claiming    moment = "claiming"    // the ledger is told of the claim
	claimed     moment = "claimed"     // and has answered
	sending     moment = "sending"     // the orchestrator has the whole call
	answering   moment = "answering"   // the orchestrator has carried it out, and answers
	recording   moment = "recording"   // the ledger is told of a try in doubt
	recorded    moment = "recorded"    // and has answered
	looking     moment = "looking"     // the ledger is told that a plan is only looked at
	looked      moment = "looked"      // and has answered
	noting      moment = "noting"      // the ledger is told what a plan was like before the call
	noted       moment = "noted"       // and has answered
	finishing   moment = "finishing"   // the ledger is told that the request is done
	finished    moment = "finished"    // and has answered
	marking     moment = "marking"     // the ledger is told that the message is dead
	marked      moment = "marked"      // and has answered
	burying     moment = "burying"     // the dead letter is published
	buried      moment = "buried"      // and stored
	terminating moment = "terminating" // the message is given up
	acking      moment = "acking"      // the message is acked
)

// answered has the moment at which the server answers another one.
var answered = map[moment]moment{
	claiming: claimed, looking: looked, noting: noted, recording: recorded, finishing: finished, marking: marked, burying: buried,
}

// ambush strikes a worker at one moment of the victim's life, once. From then on
// nothing gets through between the worker and the outside.
type ambush struct {
	at moment
	// after lets the message of that moment through first.
	after bool
	// late has the orchestrator carry out the call that it got, when the worker is gone.
	late bool
	// lets has everything through as ever: the strike does not kill.
	lets bool
	// api is the orchestrator's address; empty: that of the rig's UiPath.
	api string
	// mine tells the victim's call that acts. Nil: by its id in the body.
	mine   func(r *http.Request, body []byte) bool
	strike func()
	struck chan struct{} // closed right before

	trap  *trap
	booth *booth

	mu       sync.Mutex // guards the rest; held while a message goes through
	shut     bool
	done     bool // struck, and lets through
	due      bool // shut, and strikes at the worker's next word
	ack      string
	awaiting map[string]moment // by the subject of the answer
}

// lie sets the ambush up between a worker and its servers. strike is called once,
// and must not wait for the worker.
func (a *ambush) lie(r *rig, strike func()) {
	r.t.Helper()
	a.strike, a.struck, a.awaiting = strike, make(chan struct{}), map[string]moment{}
	a.trap = newTrap(r.t, strings.TrimPrefix(r.nats.URL(), "nats://"), a.onFrame)
	if a.api == "" {
		a.api = r.uipath.URL()
	}
	a.booth = newBooth(r.t, a)
}

func (a *ambush) onFrame(f frame, pass func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.momentOf(f)
	if a.due && m != "" && !f.toWorker {
		a.due = false
		a.hit()
	}
	a.meet(m, pass)
}

// meet lets a message through, or not.
func (a *ambush) meet(m moment, pass func()) {
	switch {
	case a.shut:
	case m == "" || m != a.at || a.done:
		pass()
	case a.lets:
		a.done = true
		a.hit()
		pass()
	default:
		a.shut = true
		if a.after {
			pass()
		}
		// That an answer has arrived shows in what the worker does next.
		if a.due = a.after && m == answering; !a.due {
			a.hit()
		}
	}
}

func (a *ambush) hit() {
	close(a.struck)
	a.strike()
}

// momentOf knows what a frame means for the victim.
func (a *ambush) momentOf(f frame) moment {
	if f.toWorker {
		if strings.HasPrefix(f.reply, "$JS.ACK.JOBS.") && bytes.Contains(f.payload, []byte(`"`+victim+`"`)) {
			a.ack = f.reply
			return pulled
		}
		return a.awaiting[f.subject]
	}
	m := a.wordOf(f)
	if next := answered[m]; next != "" && f.reply != "" {
		a.awaiting[f.reply] = next
	}
	return m
}

// wordOf knows what the worker says. Only the victim ever dies.
func (a *ambush) wordOf(f frame) moment {
	switch {
	case a.ack == "":
	case f.subject == a.ack && f.answers("+ACK"):
		return acking
	case f.subject == a.ack && f.answers("+TERM"):
		return terminating
	case strings.HasPrefix(f.subject, "jobs-dead."):
		return burying
	case f.subject == "$KV.JOBS_LEDGER."+ledger.RequestKey("acme", victim).String():
		return writingOf(f.payload, claiming)
	case strings.HasPrefix(f.subject, "$KV.JOBS_LEDGER.m.invoices."+sequenceOf(a.ack)+"-"):
		return writingOf(f.payload, "")
	}
	return ""
}

// writingOf knows what a record of the ledger says, by the names of its fields.
func writingOf(record []byte, other moment) moment {
	switch {
	case bytes.Contains(record, []byte(`"dead":`)):
		return marking
	case bytes.Contains(record, []byte(`"state":"done"`)):
		return finishing
	case bytes.Contains(record, []byte(`"unknown_since":`)):
		return recording
	case bytes.Contains(record, []byte(`"before":"looking"`)):
		return looking
	case bytes.Contains(record, []byte(`"before":`)):
		return noting
	default:
		return other
	}
}

// sequenceOf is the message's place in the stream, the sixth part of where its
// ack goes.
func sequenceOf(ack string) string { return strings.Split(ack, ".")[5] }

// booth is a proxy before the orchestrator. It takes whole calls and gives whole
// answers.
type booth struct {
	server *httptest.Server
	host   string
	ambush *ambush
	late   sync.WaitGroup
}

func newBooth(t *testing.T, a *ambush) *booth {
	t.Helper()
	u, err := url.Parse(a.api)
	if err != nil {
		t.Fatal(err)
	}
	b := &booth{host: u.Host, ambush: a}
	b.server = httptest.NewServer(b)
	t.Cleanup(func() {
		b.server.Close()
		b.late.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	return b
}

func (b *booth) url() string {
	return strings.Replace(b.ambush.api, "http://"+b.host, b.server.URL, 1)
}

// ServeHTTP takes a call to the orchestrator and its answer to the worker, as far
// as the ambush lets them through.
func (b *booth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	mine := r.Method == http.MethodPost && b.ambush.concerns(r, body)
	if !b.through(mine, sending, func() {}) {
		if b.ambush.late && b.ambush.at == sending {
			b.late.Go(func() { _, _ = b.call(r, body) })
		}
		panic(http.ErrAbortHandler)
	}
	answer, err := b.call(r, body)
	if err != nil || !b.through(mine, answering, func() { answer.write(w) }) {
		panic(http.ErrAbortHandler)
	}
}

func (a *ambush) concerns(r *http.Request, body []byte) bool {
	if a.mine != nil {
		return a.mine(r, body)
	}
	return bytes.Contains(body, []byte(`"`+victim+`"`))
}

// through reports whether a message got through the ambush.
func (b *booth) through(mine bool, m moment, pass func()) (passed bool) {
	if !mine {
		m = ""
	}
	b.ambush.mu.Lock()
	defer b.ambush.mu.Unlock()
	b.ambush.meet(m, func() {
		pass()
		passed = true
	})
	return passed
}

// given is an answer of the orchestrator.
type given struct {
	status int
	header http.Header
	body   []byte
}

func (g given) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), g.header)
	w.WriteHeader(g.status)
	_, _ = w.Write(g.body)
	_ = http.NewResponseController(w).Flush()
}

func (b *booth) call(r *http.Request, body []byte) (given, error) {
	to := *r.URL
	to.Scheme, to.Host = "http", b.host
	out, err := http.NewRequest(r.Method, to.String(), bytes.NewReader(body))
	if err != nil {
		return given{}, err
	}
	out.Header = r.Header
	in, err := http.DefaultClient.Do(out)
	if err != nil {
		return given{}, err
	}
	defer in.Body.Close()
	g := given{status: in.StatusCode, header: in.Header}
	g.body, err = io.ReadAll(in.Body)
	return g, err
}
