package check

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/setup"
)

// pagesLimit is how long whoever has the address of the pages may take.
const pagesLimit = 2 * time.Second

// pages looks at the address of the worker's pages: a worker that finds somebody
// else there ends. Of an address where nobody listens there is nothing to say.
func (b *book) pages(ctx context.Context, listen string) {
	address, ok := setup.Reach(listen)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pagesLimit)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	_ = conn.Close()
	if isWorker(ctx, address) {
		b.add(finding.Good("pages", "listen", "a worker shows them at "+address))
		return
	}
	b.add(finding.Bad(finding.Error, "pages", "listen", "something that is no worker listens at "+address+": the worker cannot show its pages there, and does not start",
		"Give admin.listen another port, or end what listens there."))
}

// isWorker reports whether /livez answers there as a worker's does.
func isWorker(ctx context.Context, address string) bool {
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
