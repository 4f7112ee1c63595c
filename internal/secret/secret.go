// Package secret holds what must never be printed: where a secret comes from,
// and its value. A file is read again whenever the value is asked for, so that
// a swapped file counts without a restart.
package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSize bounds what is read of a secret's file, in bytes.
const maxSize = 64 << 10

// ErrMissing means that the secret's file is not there or cannot be read, or
// that the secret is empty.
var ErrMissing = errors.New("secret: missing")

// missingError is an ErrMissing with its cause.
type missingError struct{ why error }

func (e *missingError) Error() string   { return ErrMissing.Error() + ": " + e.why.Error() }
func (e *missingError) Unwrap() []error { return []error{ErrMissing, e.why} }

// Why says of an error of [Source.Read], in a clause, why there is no secret. It
// names the file and never holds the value.
func Why(err error) string {
	if missing, ok := errors.AsType[*missingError](err); ok {
		return missing.why.Error()
	}
	return "it is empty"
}

// Source tells where a secret comes from. The zero value is not set. It is safe
// for concurrent use, and prints as [redacted] with every verb, also inside of
// an unexported field.
type Source struct {
	// read is a closure, because fmt prints the text of unexported fields.
	read func() (string, error)
	file string
}

// Literal is a secret that was given as it is: in the configuration, or by an
// environment variable.
func Literal(value string) Source {
	return Source{read: func() (string, error) {
		if value == "" {
			return "", ErrMissing
		}
		return value, nil
	}}
}

// File is a secret that is read from path, less the newline at its end, each
// time Read is called.
func File(path string) Source {
	return Source{file: path, read: func() (string, error) { return readFile(path) }}
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", &missingError{err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", &missingError{err}
	}
	if len(b) > maxSize {
		return "", &missingError{fmt.Errorf("%s is larger than %d bytes", path, maxSize)}
	}
	value := strings.TrimRight(string(b), "\r\n")
	if value == "" {
		return "", &missingError{errors.New(path + " is empty")}
	}
	return value, nil
}

// IsSet reports whether the configuration named a secret at all.
func (s Source) IsSet() bool { return s.read != nil }

// Path is the file that the secret is read from, or empty.
func (s Source) Path() string { return s.file }

// Read returns the secret as it is now. The error wraps [ErrMissing] and never
// holds the value; an unset Source reads as ErrMissing.
func (s Source) Read() (string, error) {
	if s.read == nil {
		return "", ErrMissing
	}
	return s.read()
}

const redacted = "[redacted]"

// Format prints [redacted], whatever the verb.
func (s Source) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String is [redacted].
func (s Source) String() string { return redacted }

// MarshalText is [redacted], for JSON and for loggers.
func (s Source) MarshalText() ([]byte, error) { return []byte(redacted), nil }
