package check

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/setup"
)

// pagesLimit is how long whoever has the address of the pages may take.
const pagesLimit = 2 * time.Second

// pages tries whether the worker can listen at admin.listen, and gives the address
// back at once: a worker that cannot does not start. One that runs has it already.
func pages(ctx context.Context, listen string) finding.Finding {
	const subject, check = "pages", "listen"
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	at := "admin.listen: " + listen
	switch {
	case err == nil:
		_ = l.Close() // nobody came
		return finding.Good(subject, check, at+" is free")
	case errors.Is(err, syscall.EADDRINUSE) && isWorker(ctx, listen):
		return finding.Good(subject, check, "a worker shows them at "+listen)
	case errors.Is(err, syscall.EADDRINUSE):
		return finding.Bad(finding.Error, subject, check, at+" is in use, and not by a worker: the worker cannot show its pages there, and does not start",
			"Give admin.listen another port, or end what listens there.")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return finding.Bad(finding.Error, subject, check, at+" is no address of this machine",
			"Listen at 127.0.0.1, at an address of the worker's machine, or at 0.0.0.0 for all of them.")
	case errors.Is(err, syscall.EACCES):
		return finding.Bad(finding.Error, subject, check, at+": this account may not use the port", "Choose a port from 1024 on.")
	}
	return finding.Bad(finding.Error, subject, check, at+": it cannot be listened at: "+cause(err), "Choose another address.")
}

// cause is the innermost text of a network error.
func cause(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}

// isWorker reports whether /livez answers there as a worker's does.
func isWorker(ctx context.Context, listen string) bool {
	address, ok := setup.Reach(listen)
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, pagesLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/livez", http.NoBody)
	if err != nil {
		return false
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: it is this machine
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var page struct {
		Live *bool `json:"live"`
	}
	return json.NewDecoder(io.LimitReader(response.Body, 1<<10)).Decode(&page) == nil && page.Live != nil
}
