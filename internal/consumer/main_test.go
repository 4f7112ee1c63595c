package consumer

import (
	"context"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
)

func TestMain(m *testing.M) {
	// Most of the tests wait for a server's clock, not for the processor.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const (
	route  = "invoices"
	bucket = "LEDGER"
	// patient is how long a test waits for what must come at last.
	patient = time.Minute
)

// decoder is a Decoder of one function.
type decoder func(context.Context, request.Message) (*job.Request, job.Outcome, bool)

func (f decoder) Decode(ctx context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
	return f(ctx, m)
}

// decode takes the payload for the request's id.
func decode(_ context.Context, m request.Message) (*job.Request, job.Outcome, bool) {
	r := &job.Request{ID: string(m.Data), Action: job.AddQueueItem, Queue: "Invoices", Folder: "Finance", FolderFromRoute: true}
	if strings.HasPrefix(r.ID, "bad") {
		return r, job.Reject(job.InvalidRequest, "id: is bad"), false
	}
	return r, job.Outcome{}, true
}

// await waits until the condition is true.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patient); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patient)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func receive[T any](t testing.TB, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patient):
		t.Fatalf("no %s within %v", what, patient)
	}
	return v
}

var errInjected = errors.New("injected")
