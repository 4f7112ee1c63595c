package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// sink is a writer that may be read while it is written to.
type sink struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes.String()
}

func (s *sink) lines() int { return strings.Count(s.String(), "\n") }

// newTestLogger closes the logger at the end of the test.
func newTestLogger(t *testing.T, format string, level zapcore.Level) (*zap.Logger, *sink) {
	t.Helper()
	out := new(sink)
	log, closeLog := NewLogger(out, format, zap.NewAtomicLevelAt(level))
	t.Cleanup(func() {
		if err := closeLog(); err != nil {
			t.Error(err)
		}
	})
	return log, out
}

func TestJSONLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := newTestLogger(t, "json", zap.InfoLevel)
		time.Sleep(1500 * time.Millisecond)
		log.Error("gate.changed", zap.Int("held", 3))
		if err := log.Sync(); err != nil {
			t.Fatal(err)
		}
		want := `{"level":"error","ts":"2000-01-01T00:00:01.500Z","msg":"gate.changed","held":3}` + "\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTimeIsUTC(t *testing.T) {
	t.Parallel()
	log, out := newTestLogger(t, "json", zap.InfoLevel)
	east := time.FixedZone("east", 5*3600)
	at := time.Date(2026, 1, 31, 4, 59, 59, 999_900_000, east)
	log.WithOptions(zap.WithClock(fixedClock{at})).Info("x")
	_ = log.Sync()
	if !strings.Contains(out.String(), `"ts":"2026-01-30T23:59:59.999Z"`) {
		t.Errorf("got %s", out)
	}
}

type fixedClock struct{ at time.Time }

func (c fixedClock) Now() time.Time                       { return c.at }
func (c fixedClock) NewTicker(time.Duration) *time.Ticker { return nil }

func TestConsoleLine(t *testing.T) {
	t.Parallel()
	log, out := newTestLogger(t, Console, zap.InfoLevel)
	log.Warn("gate.changed", zap.String("state", "shut"))
	_ = log.Sync()
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+Z  WARN  gate\.changed  \{"state": "shut"\}\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got %q", out)
	}
}

func TestNothingIsSampled(t *testing.T) {
	t.Parallel()
	log, out := newTestLogger(t, "json", zap.InfoLevel)
	for range 10_000 {
		log.Info("delivery.settled", zap.String("route", "invoices"))
	}
	_ = log.Sync()
	if got := out.lines(); got != 10_000 {
		t.Errorf("got %d lines of 10000", got)
	}
}

func TestLevelMayChange(t *testing.T) {
	t.Parallel()
	out, level := new(sink), zap.NewAtomicLevelAt(zap.WarnLevel)
	log, closeLog := NewLogger(out, "json", level)
	log.Info("a")
	level.SetLevel(zap.DebugLevel)
	log.Debug("b")
	if err := closeLog(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, `"a"`) || !strings.Contains(got, `"b"`) {
		t.Errorf("got %s", got)
	}
}

func TestLinesWaitForATenthOfASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := newTestLogger(t, "json", zap.InfoLevel)
		log.Info("a")
		time.Sleep(flushEvery - time.Millisecond)
		synctest.Wait()
		if got := out.lines(); got != 0 {
			t.Errorf("%d lines before the time", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := out.lines(); got != 1 {
			t.Errorf("%d lines at the time", got)
		}
	})
}

func TestWarningsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := newTestLogger(t, "json", zap.InfoLevel)
		log.Info("a")
		log.Warn("b")
		synctest.Wait() // no time passes
		if got := out.lines(); got != 2 {
			t.Errorf("got %d lines", got)
		}
	})
}

func TestLinesAfterCloseAreWritten(t *testing.T) {
	t.Parallel()
	out := new(sink)
	log, closeLog := NewLogger(out, "json", zap.NewAtomicLevel())
	log.Info("a")
	for range 2 {
		if err := closeLog(); err != nil {
			t.Fatal(err)
		}
	}
	log.Info("b")
	if got := out.lines(); got != 2 {
		t.Errorf("got %d lines: %s", got, out)
	}
}

func TestLinesOfManyStayWhole(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 250
	log, out := newTestLogger(t, "json", zap.InfoLevel)
	long := strings.Repeat("x", 1000) // beyond maxPending altogether
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				log.Info("line", zap.Int("writer", w), zap.Int("i", i), zap.String("pad", long))
			}
		})
	}
	wg.Wait()
	_ = log.Sync()
	next := make([]int, writers)
	for line := range strings.Lines(out.String()) {
		var got struct{ Writer, I int }
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if got.I != next[got.Writer] {
			t.Fatalf("writer %d: line %d after %d", got.Writer, got.I, next[got.Writer]-1)
		}
		next[got.Writer]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("writer %d: %d lines of %d", w, n, each)
		}
	}
}

// gatedWriter takes nothing until it is opened.
type gatedWriter struct {
	sink
	open chan struct{}
}

func (g *gatedWriter) Write(p []byte) (int, error) {
	<-g.open
	return g.sink.Write(p)
}

func TestABlockedWriterHoldsMemoryNotLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &gatedWriter{open: make(chan struct{})}
		log, closeLog := NewLogger(out, "json", zap.NewAtomicLevel())
		line, written := strings.Repeat("x", 1000), 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for written < 2_000 { // 2 MB
				log.Info(line)
				written++
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if written*1000 > 3*maxPending {
			t.Errorf("%d lines of 1 kB are waiting", written)
		}
		close(out.open)
		wg.Wait()
		if err := closeLog(); err != nil {
			t.Fatal(err)
		}
		if got := out.lines(); got != 2_000 {
			t.Errorf("got %d lines", got)
		}
	})
}

// brokenWriter fails until it is mended.
type brokenWriter struct {
	sink
	err error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	return w.sink.Write(p)
}

func TestAFailedWriteIsToldOnceAndNotForEver(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	out := &brokenWriter{err: full}
	b := newBuffer(out, time.Hour)
	_, _ = b.Write([]byte("lost\n"))
	if err := b.Sync(); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	out.err = nil
	_, _ = b.Write([]byte("kept\n"))
	if err := b.Close(); err != nil {
		t.Errorf("got %v", err)
	}
	if got := out.String(); got != "kept\n" {
		t.Errorf("got %q", got)
	}
}

func ExampleNewLogger() {
	var out bytes.Buffer
	log, closeLog := NewLogger(&out, "json", zap.NewAtomicLevel())
	log.Info("worker.started")
	_ = closeLog()
	fmt.Println(strings.Count(out.String(), "\n"))
	// Output: 1
}
