package uipath

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

// What is written by hand is what encoding/json makes of the same item.
func TestAppendItem(t *testing.T) {
	t.Parallel()
	full := item()
	full.Queue, full.Reference, full.Priority = "In \"quotes\"\n<&>\u2028", `back\slash`, job.High
	full.DeferUntil, full.DueBy = time.Unix(1, 5), time.Unix(2, 0)
	full.Content = job.Fields{"b": json.RawMessage("{ \"x\" : [1, 2e3] }"), "a\tb": json.RawMessage(`"\u00e9"`), "": json.RawMessage("null")}
	full.Options = job.Fields{
		"RiskSlaDate": json.RawMessage(`"2026-01-31T19:00:00Z"`), "Progress": json.RawMessage(`"½"`), "ParentOperationId": json.RawMessage(`"op"`),
	}
	bare := item()
	bare.Queue, bare.Reference, bare.Content = "", "", nil
	for name, r := range map[string]*job.Request{"every field": full, "no field": bare, "large": sized(100, 200)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := marshalItem(r)
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(map[string]itemData{"itemData": newItem(r)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(mustParse(t, string(want)), mustParse(t, string(got))); diff != "" {
				t.Error(diff)
			}
			if again, _ := marshalItem(r); string(again) != string(got) {
				t.Errorf("written in two ways:\n%s\n%s", got, again)
			}
		})
	}
}
