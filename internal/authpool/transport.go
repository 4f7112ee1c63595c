package authpool

import (
	"io"
	"maps"
	"net/http"
	"sync"
)

// maxDrain bounds what is read of the body of a 401, in bytes, so that its
// connection can be used again.
const maxDrain = 64 << 10

// Transport puts a token of the pool on every request, and repeats a call once
// that was answered 401, with a new token. It follows no redirect and never
// logs. It is safe for concurrent use.
//
// If there is no token the error is, or wraps, an [*Error]: then nothing was
// carried out, for either nothing was sent or the answer was 401. A call that is
// repeated runs the hooks of its httptrace twice.
type Transport struct {
	// Base makes the calls. Nil: http.DefaultTransport.
	Base http.RoundTripper
	Pool *Pool
	// Header carries the token: Authorization, with the scheme Bearer, if empty;
	// any other bears the token alone.
	Header string
}

// RoundTrip makes the call. A body is sent again only if the request has a
// GetBody; without one the 401 is returned as it is. A 2xx answer counts as the
// API's acceptance of the token, a 401 to the repeated call as its refusal. The
// lease ends when the answer's body is closed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	lease, err := t.Pool.Lease(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := t.send(req, req.Body, lease)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	t.Pool.Invalidate(lease)
	if !repeatable(req) {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
	return t.again(req)
}

// again makes the call a second and last time.
func (t *Transport) again(req *http.Request) (*http.Response, error) {
	lease, err := t.Pool.Lease(req.Context())
	if err != nil {
		return nil, err
	}
	body := req.Body
	if req.GetBody != nil {
		if body, err = req.GetBody(); err != nil {
			lease.Release()
			return nil, err
		}
	}
	resp, err := t.send(req, body, lease)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.Pool.Refuse(lease)
	}
	return resp, err
}

// repeatable reports whether the request can be sent a second time.
func repeatable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// send makes one call with the lease's token. It owns the lease.
func (t *Transport) send(req *http.Request, body io.ReadCloser, lease Lease) (*http.Response, error) {
	signed := req.WithContext(req.Context()) // a copy, of which only what is changed is copied deeply
	signed.Body = body
	if signed.Header = maps.Clone(req.Header); signed.Header == nil { // its values are only replaced
		signed.Header = http.Header{}
	}
	token, bearer := lease.session.reveal()
	if t.Header == "" || http.CanonicalHeaderKey(t.Header) == "Authorization" {
		signed.Header["Authorization"] = bearer
	} else {
		signed.Header.Set(t.Header, token.Value)
	}
	resp, err := t.base().RoundTrip(signed)
	if err != nil {
		lease.Release()
		return nil, err
	}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		t.Pool.Accept(lease)
	}
	resp.Body = &leasedBody{ReadCloser: resp.Body, lease: lease}
	return resp, nil
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// CloseIdleConnections closes those of Base, for http.Client.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// leasedBody ends the lease when the answer's body is closed.
type leasedBody struct {
	io.ReadCloser
	lease Lease
	once  sync.Once
}

func (b *leasedBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.lease.Release)
	return err
}
