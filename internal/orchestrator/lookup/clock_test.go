package lookup

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

func TestInspectClock(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	for name, tt := range map[string]struct {
		off  time.Duration
		want finding.Status
		says string
	}{
		"as ours":      {0, finding.OK, "as this machine's"},
		"a little off": {9 * time.Second, finding.OK, ""},
		"ahead":        {20 * time.Second, finding.Warning, "20s ahead of"},
		"far behind":   {-2 * time.Minute, finding.Warning, "judged wrongly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := orchestrator.Answer{Header: http.Header{"Date": {now.Add(tt.off).UTC().Format(http.TimeFormat)}}}
			if f := InspectClock(a, now, now); f.Status != tt.want || !strings.Contains(f.Detail, tt.says) {
				t.Errorf("%+v", f)
			}
		})
	}
	if f := InspectClock(orchestrator.Answer{Header: http.Header{}}, now, now); f.Status != finding.Unknown {
		t.Errorf("no date: %+v", f)
	}
}
