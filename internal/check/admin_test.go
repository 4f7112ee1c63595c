package check

import (
	"fmt"
	"net"
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
		listen string
		want   []finding.Status
	}{
		"any port":       {"127.0.0.1:0", nil},
		"nobody":         {"127.0.0.1:1", nil},
		"a worker":       {answers(`{"live": false, "detail": "x"}`), []finding.Status{finding.OK}},
		"something else": {answers(`{"status": "UP"}`), []finding.Status{finding.Error}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b book
			b.pages(t.Context(), tt.listen)
			if len(b.findings) != len(tt.want) || len(tt.want) == 1 && b.findings[0].Status != tt.want[0] {
				t.Errorf("%+v", b.findings)
			}
		})
	}
}
