package broker

import (
	"errors"
	"fmt"
)

// ConfigError is a fault that stays until an operator changes the
// configuration or what is on the server: trying again does not help. Its text
// says what is wrong, where, and what to do.
type ConfigError struct {
	text  string
	cause error  // nil: found by a check of ours
	check string // what was looked at; empty: nothing that is there
}

// Error is the text, with the package's prefix.
func (e *ConfigError) Error() string {
	if e.cause != nil {
		return "broker: " + e.text + ": " + e.cause.Error()
	}
	return "broker: " + e.text
}

// Unwrap is what the server or the system said, if it did.
func (e *ConfigError) Unwrap() error { return e.cause }

func misconfigured(format string, args ...any) error {
	return &ConfigError{text: fmt.Sprintf(format, args...)}
}

// refused is what a check of a thing that is there found. The text says where,
// what, and after its last colon what to do.
func refused(check, format string, args ...any) error {
	return &ConfigError{text: fmt.Sprintf(format, args...), check: check}
}

func misconfiguredBy(cause error, format string, args ...any) error {
	return &ConfigError{text: fmt.Sprintf(format, args...), cause: cause}
}

func isConfigError(err error) bool {
	_, ok := errors.AsType[*ConfigError](err)
	return ok
}

// ErrDisconnected means that there is no connection to a NATS server right now.
var ErrDisconnected = errors.New("broker: not connected to NATS")
