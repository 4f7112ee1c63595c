package telemetry

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
)

// maxStack is the longest stack in a line of the log, in bytes.
const maxStack = 16 << 10

func addText(o zapcore.ObjectEncoder, key, value string) {
	if value != "" {
		o.AddString(key, Text(value))
	}
}

func addInt(o zapcore.ObjectEncoder, key string, value int) {
	if value != 0 {
		o.AddInt(key, value)
	}
}

func addTime(o zapcore.ObjectEncoder, key string, t time.Time) {
	if !t.IsZero() {
		o.AddString(key, t.UTC().Format(timeLayout))
	}
}

func addError(o zapcore.ObjectEncoder, err error) {
	if err != nil {
		o.AddString("error", Text(err.Error()))
	}
}

// millis is d in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// panicText is the type of what was panicked with, and the text of a runtime
// error, which holds no data.
func panicText(value any) string {
	text := fmt.Sprintf("%T", value)
	if err, ok := value.(error); ok {
		if e, ok := errors.AsType[runtime.Error](err); ok {
			text += ": " + e.Error()
		}
	}
	return text
}

func stackText(stack []byte) string {
	if len(stack) > maxStack {
		stack = stack[:maxStack]
	}
	return strings.ToValidUTF8(string(stack), "\uFFFD")
}

// withoutUser cuts the credentials out of a comma separated list of URLs. What
// cannot be told apart for sure is cut as well.
func withoutUser(urls string) string {
	if !strings.Contains(urls, "@") {
		return urls
	}
	parts := strings.Split(urls, ",")
	for i, part := range parts {
		scheme, rest, ok := strings.Cut(part, "://")
		if !ok {
			scheme, rest = "", part
		}
		rest = rest[strings.LastIndex(rest, "@")+1:]
		if ok {
			rest = scheme + "://" + rest
		}
		parts[i] = rest
	}
	return strings.Join(parts, ",")
}
