package check

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/finding"
)

// A worker that finds its pages' address taken does not start; one that runs has
// it.
func TestPages(t *testing.T) {
	t.Parallel()
	answers := func(body string) string {
		return listener(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1<<10))
			_, _ = fmt.Fprintf(c, "HTTP/1.1 503 X\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		})
	}
	for name, tt := range map[string]struct {
		listen, says string
		status       finding.Status
	}{
		"free":                          {"127.0.0.1:0", "is free", finding.OK},
		"a worker":                      {answers(`{"live": false, "detail": "x"}`), "a worker shows them", finding.OK},
		"something else":                {answers(`{"status": "UP"}`), "not by a worker", finding.Error},
		"something that says nothing":   {listener(t, func(net.Conn) {}), "not by a worker", finding.Error},
		"an address of another machine": {"192.0.2.1:8080", "no address of this machine", finding.Error},
		"a name that does not exist":    {"nowhere.invalid:8080", "nowhere.invalid", finding.Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := pages(t.Context(), tt.listen)
			if f.Status != tt.status || !strings.Contains(f.Detail, tt.says) || (f.Remedy == "") != (tt.status == finding.OK) {
				t.Errorf("%+v", f)
			}
		})
	}
}
