package main

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
	"unicode/utf8"

	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/remedy"
)

// record is a letter as JSON. Keys are named as in the log, and left out where
// there is nothing to say.
type record struct {
	Hash      string     `json:"hash"`
	FailedAt  string     `json:"failed_at"`
	Route     string     `json:"route"`
	Reason    job.Reason `json:"reason"`
	Detail    string     `json:"detail"`
	Status    int        `json:"status,omitempty"`
	ErrorCode string     `json:"error_code,omitempty"`
	Attempts  int        `json:"attempts"`
	RequestID string     `json:"request_id,omitempty"`
	Stream    string     `json:"stream"`
	Sequence  uint64     `json:"sequence"`
	Subject   string     `json:"subject"`
	FirstTry  string     `json:"first_try,omitempty"`
	Size      int        `json:"size"`
	*recordContent
}

// recordContent is what a record has of a letter that is shown.
type recordContent struct {
	Remedy        string              `json:"remedy"`
	Headers       map[string][]string `json:"headers,omitempty"`
	Payload       json.RawMessage     `json:"payload,omitempty"`
	PayloadText   *string             `json:"payload_text,omitempty"`
	PayloadBase64 []byte              `json:"payload_base64,omitempty"`
}

func recordOf(s deadletter.Stored) record {
	firstTry := ""
	if firstTryKnown(s) {
		firstTry = stamp(s.FirstTry)
	}
	return record{
		Hash: s.Hash, FailedAt: stamp(s.Failed()), Route: s.Route, Reason: s.Reason, Detail: s.Detail,
		Status: s.Status, ErrorCode: s.ErrorCode, Attempts: s.Attempts, RequestID: s.RequestID,
		Stream: s.Stream, Sequence: s.Sequence, Subject: s.Subject, FirstTry: firstTry, Size: s.Size,
	}
}

// wholeRecordOf has the payload too: as it is where it is JSON, else as text,
// else in base64.
func wholeRecordOf(s deadletter.Stored) record {
	r := recordOf(s)
	r.recordContent = &recordContent{Remedy: remedy.OfDeadLetter(s.Reason), Headers: s.Header}
	switch {
	case isJSON(s.Data):
		r.Payload = s.Data
	case utf8.Valid(s.Data):
		text := string(s.Data)
		r.PayloadText = &text
	default:
		r.PayloadBase64 = s.Data
	}
	return r
}

func isJSON(data []byte) bool { return utf8.Valid(data) && json.Valid(data) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// jsonWriter writes values as an array, or one in a line. An array that is cut
// short by an error is not closed, so that nobody takes it for all there is.
type jsonWriter struct {
	w     io.Writer
	array bool
	begun bool
}

func (j *jsonWriter) write(value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	line := plainJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	before, after := "", "\n"
	if j.array {
		before, after = ",\n", ""
		if !j.begun {
			before = "[\n"
		}
	}
	j.begun = true
	_, err := j.w.Write([]byte(before + string(line) + after))
	return err
}

func (j *jsonWriter) close() error {
	end := ""
	if j.array {
		end = "\n]\n"
		if !j.begun {
			end = "[]\n"
		}
	}
	_, err := io.WriteString(j.w, end)
	return err
}
