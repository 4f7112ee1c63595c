package consumer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/telemetry"
)

// errStopping is the cause with which the waiting of messages in hand ends when
// the consumer stops.
var errStopping = errors.New("consumer: stopping")

// errLeaseLost is the cause with which a message in hand is given up that may
// be someone else's by now.
var errLeaseLost = errors.New("consumer: the server may have given the message to someone else")

// Decoder turns a message into a request. See request.Decoder.
type Decoder interface {
	Decode(context.Context, request.Message) (*job.Request, job.Outcome, bool)
}

// Target is where requests go. See orchestrator.Connection.
type Target interface {
	Check(*job.Request) (job.Outcome, bool)
	Claims(*job.Request) bool
	Do(ctx, hold context.Context, t orchestrator.Try) (orchestrator.Result, error)
	Share(context.Context, orchestrator.Try, func(orchestrator.Result, error)) *orchestrator.Shared
	Alive(context.Context) bool
	Watch() (open bool, changed <-chan struct{})
}

// Ledger remembers tries. See ledger.Ledger.
type Ledger interface {
	Load(context.Context, ledger.Key) (ledger.Entry, error)
	Store(context.Context, ledger.Key, uint64, ledger.Record) (uint64, error)
	Delete(context.Context, ledger.Key, uint64) error
	Made(context.Context) (time.Time, error)
	LoadClaim(context.Context, ledger.Key) (ledger.ClaimEntry, error)
	StoreClaim(context.Context, ledger.Key, uint64, ledger.Claim, time.Duration) (uint64, error)
}

// DeadLetters sets messages aside. See deadletter.Publisher.
type DeadLetters interface {
	Publish(context.Context, deadletter.Letter) error
}

// Durable is the durable consumer on the server, as it is.
type Durable struct {
	AckWait           time.Duration
	Created           time.Time
	MaxRequestBatch   int           // 0: no limit
	MaxRequestExpires time.Duration // 0: no limit
	Pending           uint64        // messages not delivered yet
	Delivered         uint64        // sequence in the stream of the last message that was
	AckPending        int           // messages delivered and not acked
}

// Settings make a consumer.
type Settings struct {
	Route, Connection, Stream string

	NATS        *nats.Conn
	Find        func(context.Context) (Durable, error) // makes the durable consumer if it is missing
	Decoder     Decoder
	Target      Target
	Ledger      Ledger
	DeadLetters DeadLetters
	Events      *telemetry.Events
	Metrics     *telemetry.RouteMetrics

	// CallLimit is how long one call to the orchestrator may last.
	CallLimit time.Duration
	// Owner names this worker in its claims: no other worker has the same name.
	Owner string
	// Remember is how long the ledger remembers a request that was carried out.
	Remember time.Duration

	Policy      retry.Policy
	MaxInFlight int // messages in hand at once
	// Batch says how requests share calls. Route, Calls and Sent are set here.
	Batch orchestrator.Batch
	// Quick tells that decoding a short message takes next to no time, whatever is
	// in it.
	Quick           bool
	Resend          bool // on_unknown: resend
	AcceptDuplicate bool // on_duplicate: ack
	Pause           bool // pull nothing
	// Forgetful tells that the server was killed before this worker began, and may
	// have forgotten its last deliveries.
	Forgetful   bool
	RejectGuard bool // hold while most answers are refusals
}

// Consumer works on one route.
type Consumer struct {
	Settings
	hold    *hold
	hand    *hand
	keeper  *keeper
	drained chan struct{}  // closed once no pull of ours is left
	open    sync.WaitGroup // the deliveries in hand
	crew    *crew          // those who work on them, but for those that share a call
	wg      sync.WaitGroup // the search for the durable consumer

	// Given by Run, and only read from then on.
	work  context.Context // of calls
	books context.Context // of what is noted and answered; outlasts work a little

	stops   atomic.Bool
	tally   Tally
	forgone forgone
	acked   acked
	held    atomic.Int64 // messages in hand that wait for a gate or the hold
	ackWait atomic.Int64 // as the server has it
	created atomic.Int64 // the durable consumer, unix nanoseconds
	made    time.Time    // the worker
	// reconnected is when the connection was last made anew, unix nanoseconds; 0:
	// it was not. Until then the server may have forgotten deliveries.
	reconnected atomic.Int64
	suspects    atomic.Uint64 // last message of which a killed server may have forgotten a delivery
	pending     atomic.Int64  // messages that wait in the stream
	coming      atomic.Bool   // more, when the last one came
	asked       atomic.Bool   // for more, or about to be, when the last one came
	ackPending  atomic.Int64  // messages delivered and not acked, of all pods
	missing     atomic.Pointer[Absence]
	history     history
	ready       atomic.Bool  // the durable consumer is there
	beat        atomic.Int64 // last turn of the loop, unix nanoseconds
}

// Tally counts what became of the deliveries that were in hand when the
// consumer was stopped. It is safe for concurrent use.
type Tally struct {
	Finished   atomic.Int64 // settled by an outcome of their own
	HandedBack atomic.Int64 // not begun, and given back
	Left       atomic.Int64 // left to the server's ack wait
}

// New makes a consumer. It does nothing until [Consumer.Run].
func New(s Settings) *Consumer {
	c := &Consumer{Settings: s, hand: newHand(), crew: newCrew(), drained: make(chan struct{}), made: time.Now()}
	c.Batch.Route, c.Batch.Sent, c.Batch.More = s.Route, s.Metrics.Batch, c.more
	c.Batch.Max = min(s.Batch.Max, s.MaxInFlight) // a full hand has nothing to linger for
	// What is in hand shall fill calls, not trickle out in small ones.
	c.Batch.Calls = max(1, s.MaxInFlight/max(1, s.Batch.Max))
	c.hold = newHold(s.Route, s.Connection, s.Events, func() (int, int) {
		return int(c.held.Load()), c.Pending()
	})
	c.hold.guard = s.RejectGuard
	c.keeper = newKeeper(s.NATS, c.hand, c.lease)
	c.ackWait.Store(int64(30 * time.Second))
	c.beat.Store(time.Now().UnixNano())
	c.missing.Store(&Absence{Since: c.made})
	return c
}

// afterwards is how long after the end of work what came of it may still be
// noted and answered.
const afterwards = 2 * time.Second

// Run pulls until ctx ends, and then finishes what is in hand: calls under way
// come to their end, and what has not begun is handed back. Calls are cut off
// when work ends, which ends ctx too, and their settlements soon after. Run
// returns once nothing is in hand, and may be called once. Its error is that
// the connection to NATS is closed for good.
func (c *Consumer) Run(ctx, work context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(work, end)()
	books, closeBooks := outlast(work, afterwards)
	defer closeBooks()
	c.work, c.books = work, books

	if err := c.keeper.start(); err != nil {
		return err
	}
	defer c.keeper.close()
	pull, err := newPuller(c.NATS, c.Stream, c.Route, c.hand.wake)
	if err != nil {
		return err
	}
	l := newLooper(c, pull)
	l.run(ctx)
	c.stop()
	pull.drain(l.receive)
	close(c.drained)
	c.open.Wait()
	c.crew.rest()
	c.wg.Wait()
	return nil
}

// outlast is a context that ends some time after work does, with the values of
// work.
func outlast(work context.Context, by time.Duration) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(work))
	stop := context.AfterFunc(work, func() { time.AfterFunc(by, cancel) })
	return ctx, func() {
		stop()
		cancel()
	}
}

// stop has nothing begin any more. Only the loop's goroutine takes messages in
// hand, and it is the one that calls this.
func (c *Consumer) stop() {
	c.stops.Store(true)
	c.hand.each(func(_ uint64, d *delivery) { d.giveUp(errStopping) })
}

func (c *Consumer) stopping() bool { return c.stops.Load() }

func (c *Consumer) lease() time.Duration { return time.Duration(c.ackWait.Load()) }

// Ready reports whether the durable consumer is there.
func (c *Consumer) Ready() bool { return c.ready.Load() }

// InHand is how many messages are in hand.
func (c *Consumer) InHand() int { return c.hand.size() }

// Pending is how many messages wait in the stream, as the server last said.
func (c *Consumer) Pending() int { return int(c.pending.Load()) }

// more reports whether the server had more messages when it sent the last, and
// is asked for them.
func (c *Consumer) more() bool {
	return c.coming.Load() && c.asked.Load() && c.hand.size() < c.MaxInFlight
}

// Tally counts from the moment that the consumer is stopped.
func (c *Consumer) Tally() *Tally { return &c.tally }

// LastBeat is when the loop last turned; it turns at least once a second.
func (c *Consumer) LastBeat() time.Time { return time.Unix(0, c.beat.Load()) }

// Hold is the state of the route's own hold.
func (c *Consumer) Hold() HoldState { return c.hold.state() }
