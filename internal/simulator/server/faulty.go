package server

import (
	"bytes"
	"net/http"
)

// sendFaulty writes the answer that a fault has in mind. given is the true one
// where the call was committed first.
func (x *exchange) sendFaulty(a *ActiveFault, given *Answer) {
	f := &a.fault
	if f.Body < BodyBroken {
		x.send(x.s.faultyAnswer(x.c, f))
		return
	}
	whole := wholeAnswer(f, given)
	half := whole.Body[:len(whole.Body)/2]
	*x.status = whole.Status
	switch f.Body {
	case BodyBroken:
		whole.Body = half
		x.send(whole)
	case BodyTruncated:
		x.head(whole, len(whole.Body))
		x.flush(half)
		panic(http.ErrAbortHandler)
	case BodyStalled:
		x.head(whole, len(whole.Body))
		x.flush(half)
		x.silence(a)
	default:
		x.head(whole, -1)
		x.flush(half)
		x.stream(a)
	}
}

// wholeAnswer is what a damaged answer is made of.
func wholeAnswer(f *Fault, given *Answer) Answer {
	whole := JSON(http.StatusOK, map[string]any{"total": 0, "list": []any{}, "data": []any{}})
	if given != nil {
		whole = *given
	}
	if f.Status != 0 {
		whole.Status = f.Status
	}
	return whole
}

func (x *exchange) flush(body []byte) {
	_, _ = x.w.Write(body)
	_ = http.NewResponseController(x.w).Flush()
}

// stream writes a text without end.
func (x *exchange) stream(a *ActiveFault) {
	chunk := bytes.Repeat([]byte("a"), 64<<10)
	for {
		select {
		case <-a.removed:
			panic(http.ErrAbortHandler)
		case <-x.s.running.Done():
			panic(http.ErrAbortHandler)
		default:
		}
		if _, err := x.w.Write(chunk); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// faultyAnswer is a whole answer that a fault has made up.
func (s *Server) faultyAnswer(c *Call, f *Fault) Answer {
	status := f.Status
	if status == 0 {
		status = http.StatusServiceUnavailable
	}
	a := Answer{Status: status}
	switch f.Body {
	case BodyHTML:
		a = Page(status)
	case BodyNull:
		a = JSON(status, nil)
	case BodyEnvelope:
		a = s.product.Refusal(c, status, f.Code)
	}
	if f.RetryAfter != "" {
		a = a.With("Retry-After", f.RetryAfter)
	}
	switch {
	case f.Location != "":
		a = a.With("Location", f.Location)
	case status >= 300 && status < 400:
		a = a.With("Location", "/maintenance")
	}
	return a
}
