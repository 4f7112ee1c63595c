package uipath_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

func TestBodyWithoutALength(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{MaxBody: 500})
	r.logIn()
	for padding, want := range map[int]int{0: 201, 500: 413} {
		// A reader of unknown kind makes net/http send the body in chunks.
		body := io.MultiReader(bytes.NewReader([]byte(itemBody("Invoices", "a"))), bytes.NewReader(bytes.Repeat([]byte(" "), padding)))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL()+addPath, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+r.token)
		request.Header.Set("X-UIPATH-FolderPath", "Finance/AP")
		request.Header.Set("Content-Type", "application/json")
		response, err := r.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("with %d spaces: %d, want %d", padding, response.StatusCode, want)
		}
	}
}

func TestFurtherClients(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	r.AddClient(uipath.Client{ID: "second", Secret: "s2", Scopes: []string{"OR.Queues"}})
	for id, want := range map[string]int{"second": 200, "third": 400} {
		if got := r.askToken(url.Values{"client_id": {id}, "client_secret": {"s2"}}); got.status != want {
			t.Errorf("%s: %d %s", id, got.status, got.text)
		}
	}
	r.SetClientSecret("third", "s2")
	if got := r.askToken(url.Values{"client_id": {"third"}, "client_secret": {"s2"}}); got.status != 200 {
		t.Errorf("a client made by its secret: %d %s", got.status, got.text)
	}
}

func TestChangesToItems(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	item, _ := r.AddItem("Finance/AP", "Unique", uipath.Item{Reference: "a"})
	if !r.DeleteItem(item.ID) || r.Items()[0].Status != "Deleted" {
		t.Error("not deleted")
	}
	if r.SetItemStatus(item.ID, "Lost") || r.SetItemStatus(1, "New") || r.DeleteItem(1) || r.PurgeItem(1) {
		t.Error("a change that cannot be was made")
	}
	if _, ok := r.RetryItem(1); ok {
		t.Error("an item that is not there was repeated")
	}
	if _, ok := r.AddJob("Finance/AP", "Nothing", uipath.Job{}); ok {
		t.Error("a job of no process was made")
	}
	r.AddQueue("Finance/AP", "Unique", uipath.Queue{UniqueReference: true})
	if r.PurgeItem(item.ID) || len(r.ItemsByReference("Finance/AP", "Unique", "a")) != 0 || len(r.Items()) != 1 {
		t.Error("the new queue has the old one's items")
	}
	r.RemoveFolder("Finance/AP")
	if len(r.Items()) != 0 || r.ItemsByReference("Finance/AP", "Unique", "a") != nil {
		t.Error("the items outlived their folder")
	}
}

func TestOrderOfEveryKind(t *testing.T) {
	t.Parallel()
	r := start(t, uipath.Settings{})
	now := time.Now().UTC().Truncate(time.Second)
	r.AddItem("Finance/AP", "Invoices", uipath.Item{Reference: "b", Created: now, RetryNumber: 2})
	r.AddItem("Finance/AP", "Invoices", uipath.Item{Created: now.Add(-time.Hour), DueDate: now})
	r.AddItem("Finance/AP", "Invoices", uipath.Item{Reference: "A", Created: now.Add(time.Hour), RetryNumber: 1})
	for order, want := range map[string][]any{
		"Reference":          {nil, "A", "b"},
		"Reference desc":     {"b", "A", nil},
		"CreationTime":       {nil, "b", "A"},
		"RetryNumber":        {nil, "A", "b"},
		"DueDate desc,Id":    {nil, "b", "A"},
		"OrganizationUnitId": {"b", nil, "A"},
	} {
		if diff := cmp.Diff(want, r.references("/odata/QueueItems"+query("$orderby", order))); diff != "" {
			t.Errorf("%s: %s", order, diff)
		}
	}
	rows := r.call("GET", "/odata/QueueDefinitions"+query("$orderby", "EnforceUniqueReference desc", "$select", "Name"), nil, "").rows()
	if len(rows) != 2 || rows[0]["Name"] != "Unique" {
		t.Errorf("by a truth value: %v", rows)
	}
}
