package telemetry

import (
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// flushEvery is how long a line waits at most before it is written.
const flushEvery = 100 * time.Millisecond

// timeLayout is RFC 3339 with milliseconds, for times in UTC.
const timeLayout = "2006-01-02T15:04:05.000Z"

// Console is the format for a person at a terminal. Every other format is JSON,
// one object in a line.
const Console = "console"

// NewLogger returns a logger that writes to w, and the function that ends it.
//
// The JSON keys are ts (RFC 3339 with milliseconds, UTC), level and msg. Nothing
// is sampled, and no caller or stack is added. Lines are put together for up to
// 100 ms, or until one at warn or above; when w takes no more, the callers wait.
// Sync, and the returned close, return once every line so far is written. Lines
// after the close are written at once, so that none is lost at the exit. Close
// may be called twice; both functions return the error of the last write.
// The level may be changed at any time.
func NewLogger(w io.Writer, format string, level zap.AtomicLevel) (*zap.Logger, func() error) {
	out := newBuffer(w, flushEvery)
	core := zapcore.NewCore(newEncoder(format), out, level)
	prompt := func(e zapcore.Entry) error {
		if e.Level >= zapcore.WarnLevel {
			out.hurry()
		}
		return nil
	}
	return zap.New(core, zap.Hooks(prompt)), out.Close
}

func newEncoder(format string) zapcore.Encoder {
	c := zapcore.EncoderConfig{
		TimeKey:        "ts",
		LevelKey:       "level",
		MessageKey:     "msg",
		EncodeTime:     encodeTime,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.MillisDurationEncoder,
	}
	if format != Console {
		return zapcore.NewJSONEncoder(c)
	}
	c.EncodeLevel = zapcore.CapitalLevelEncoder
	c.ConsoleSeparator = "  "
	return zapcore.NewConsoleEncoder(c)
}

func encodeTime(t time.Time, enc zapcore.PrimitiveArrayEncoder) { inLayout(t.UTC(), enc) }

var inLayout = zapcore.TimeEncoderOfLayout(timeLayout)
