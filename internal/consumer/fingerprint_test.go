package consumer

import (
	"encoding/json"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
)

func TestFingerprint(t *testing.T) {
	t.Parallel()
	arguments := func(text string) *job.Request {
		r := &job.Request{ID: "one", Action: job.StartJob, Process: "Post"}
		if err := json.Unmarshal([]byte(text), &r.Arguments); err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := fingerprint(arguments(`{"a": {"x": 1, "y": [1, 2]}, "b": 12345678901234567890}`))
	if want != "9ac5fba46cb8e26afa62e2547ab3536992a17304af258ac5661afcd4c2c9aa96" {
		t.Errorf("%s: what stands in ledgers of before would be another request", want)
	}
	if got := fingerprint(arguments(`{"b":12345678901234567890,"a":{"y":[1,2],"x":1}}`)); got != want || len(got) != 64 {
		t.Errorf("the same request written otherwise: %s, want %s", got, want)
	}
	same := arguments(`{"a": {"x": 1, "y": [1, 2]}, "b": 12345678901234567890}`)
	same.ID, same.FolderFromRoute = "two", true
	if got := fingerprint(same); got != want {
		t.Error("the id and the source of the folder count")
	}
	for name, text := range map[string]string{
		"value":        `{"a": {"x": 1, "y": [1, 3]}, "b": 12345678901234567890}`,
		"order":        `{"a": {"x": 1, "y": [2, 1]}, "b": 12345678901234567890}`,
		"last digit":   `{"a": {"x": 1, "y": [1, 2]}, "b": 12345678901234567891}`,
		"type":         `{"a": {"x": "1", "y": [1, 2]}, "b": 12345678901234567890}`,
		"missing":      `{"a": {"x": 1, "y": [1, 2]}}`,
		"name":         `{"a": {"x": 1, "z": [1, 2]}, "b": 12345678901234567890}`,
		"case of name": `{"A": {"x": 1, "y": [1, 2]}, "b": 12345678901234567890}`,
	} {
		if fingerprint(arguments(text)) == want {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
	other := arguments(`{"a": {"x": 1, "y": [1, 2]}, "b": 12345678901234567890}`)
	other.Process = "Delete"
	if fingerprint(other) == want {
		t.Error("another process: the same fingerprint")
	}
}
