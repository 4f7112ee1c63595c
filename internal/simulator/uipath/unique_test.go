package uipath_test

import (
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestUniqueReference(t *testing.T) {
	t.Parallel()
	statuses := map[string]int{
		"New": 409, "InProgress": 409, "Failed": 409, "Successful": 409, "Abandoned": 409, "Retried": 201, "Deleted": 201,
	}
	for status, want := range statuses {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			r := start(t, uipath.Settings{})
			if got := r.add("Unique", "inv-Ä1"); got.status != 201 {
				t.Fatalf("got %d %s", got.status, got.text)
			}
			if !r.SetItemStatus(r.Items()[0].ID, status) {
				t.Fatal("the status was not set")
			}
			got := r.add("Unique", " \tINV-ä1")
			if got.status != want {
				t.Fatalf("got %d %s, want %d", got.status, got.text, want)
			}
			if want == 409 && (got.code() != 1016 || got.message() != "Error creating Transaction. Duplicate Reference.") {
				t.Errorf("got %s", got.text)
			}
			if n, want := len(r.ItemsByReference("finance/ap", "unique", "inv-ä1")), map[int]int{409: 1, 201: 2}[want]; n != want {
				t.Errorf("%d items under the reference, want %d", n, want)
			}
		})
	}
}

func TestUniqueReferenceInOtherCases(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.AddQueue("Finance/AP", "Other", uipath.Queue{UniqueReference: true})
	r.AddQueue("Finance/AP", "Broken", uipath.Queue{UniqueReference: true, BrokenIndex: true})
	for _, reference := range []string{"", "  "} {
		if got := r.add("Unique", reference); got.status != 400 || got.code() != 1850 {
			t.Errorf("no reference: %d %s", got.status, got.text)
		}
	}
	for _, queue := range []string{"Unique", "Other", "Invoices", "Invoices", "Broken", "Broken"} {
		if got := r.add(queue, "a"); got.status != 201 {
			t.Errorf("%s: %d %s", queue, got.status, got.text)
		}
	}
	item := r.ItemsByReference("Finance/AP", "Unique", "a")[0]
	retry, ok := r.RetryItem(item.ID)
	if !ok || retry.Key != item.Key || retry.ID == item.ID || retry.AncestorID != item.ID {
		t.Fatalf("retry of %+v: %+v", item, retry)
	}
	if got := r.add("Unique", "a"); got.code() != 1016 {
		t.Errorf("the retry holds its reference: %d %s", got.status, got.text)
	}
	if !r.PurgeItem(retry.ID) || !r.PurgeItem(item.ID) || len(r.ItemsByReference("Finance/AP", "Unique", "a")) != 0 {
		t.Fatal("the items are still there")
	}
	if got := r.add("Unique", "A"); got.code() != 1016 {
		t.Errorf("a purged item holds its reference: %d %s", got.status, got.text)
	}
}
