package ledger

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrConflict means that the key was written, deleted or forgotten since it
	// was loaded: nothing was changed. Load it again. After an [ErrUncertain] it
	// may have been the caller's own write.
	ErrConflict = errors.New("written by someone else")
	// ErrUncertain means that the answer is missing: the key may have been
	// written or not, and may still be written later. The caller must not go on
	// as if it had been, and must load it before the next write.
	ErrUncertain = errors.New("may or may not have been written")
	// ErrDisconnected means that there is no connection: nothing was sent, and
	// nothing was changed.
	ErrDisconnected = errors.New("not connected to NATS")
	// ErrCorrupt means that a value is neither a record nor a claim, whichever its
	// key is for. Nothing may be concluded from it, least of all that the message
	// or the request is new.
	ErrCorrupt = errors.New("not what the key is for")
)

// writeError tells a write that was refused from one of which nobody knows.
func writeError(err error) error {
	if isConflict(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	if refused(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// isConflict knows both codes of a failed comparison: replicated streams answer
// with their own, and not every path of the library maps it.
func isConflict(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// refused reports that the server said no, or that nothing was sent.
func refused(err error) bool {
	if _, ok := errors.AsType[*jetstream.APIError](err); ok {
		return true
	}
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrInvalidKey) ||
		errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrReconnectBufExceeded)
}
