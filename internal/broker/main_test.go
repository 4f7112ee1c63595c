package broker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wantConfigError fails the test unless err is a ConfigError whose text has
// every one of the parts.
func wantConfigError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if _, ok := errors.AsType[*ConfigError](err); !ok {
		t.Fatalf("got error %v, want a ConfigError", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// receive waits for one value; the test is bounded by it.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s within 20 seconds", what)
		panic("unreachable")
	}
}
