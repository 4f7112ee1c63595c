package integration

import (
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// A stopped worker leaves no token behind where it can revoke it, and says so
// where it cannot.
func TestTokensAreRevokedAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault    *uipath.Fault
		live     int
		warnings int
	}{
		"revoked":             {nil, 0, 0},
		"refused by a server": {&uipath.Fault{Status: 503, Operations: []uipath.Operation{uipath.Revoke}}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uipath.Settings{})
			if tt.fault != nil {
				r.uipath.SetFault(*tt.fault)
			}
			cfg := r.configure(settings{})
			cfg.Connections[0].Credentials[0].RevocationURL = r.uipath.RevocationURL()
			w := r.startWith(cfg)
			r.publishMany("inv", 1)
			r.settledAll()
			w.end()
			if n := r.uipath.Counts().LiveTokens; n != tt.live {
				t.Errorf("%d live tokens are left, want %d", n, tt.live)
			}
			warnings := 0
			for _, line := range w.log.events("worker.warning") {
				if detail, _ := line["detail"].(string); strings.Contains(detail, "connection acme: a token was not ended, and ends by itself: ") {
					warnings++
				}
			}
			if warnings != tt.warnings {
				t.Errorf("%d warnings, want %d:\n%s", warnings, tt.warnings, w.log)
			}
		})
	}
}
