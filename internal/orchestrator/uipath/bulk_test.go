package uipath

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

const bulkPath = "/odata/Queues/UiPathODataSvc.BulkAddQueueItems"

// batchOf are tries of so many requests, whose references are inv-1 and so on.
func batchOf(n int) (tries []*orchestrator.Try) {
	for i := range n {
		r := item()
		r.ID, r.Reference = fmt.Sprint(i+1), fmt.Sprintf("inv-%d", i+1)
		tries = append(tries, &orchestrator.Try{Request: r})
	}
	return tries
}

func bulkAPI(a reply) *fakeAPI {
	return &fakeAPI{other: func(*http.Request) reply { return a }}
}

func bulkAdded(failed string) reply {
	return reply{status: 200, body: fmt.Sprintf(`{"Success":%t,"Message":"%s","FailedItems":[%s]}`, failed == "", canary, failed)}
}

func failedAt(ordinal, code string) string {
	return fmt.Sprintf(`{"Ordinal":%s,"ErrorCode":%s,"ErrorMessage":%q}`, ordinal, code, canary)
}

// spoken is what became of each item, in a word, and of the orchestrator.
func spoken(results []orchestrator.Result) (words []string) {
	for _, r := range results {
		w := r.Verdict.String()
		if r.Singly {
			w = "singly"
		}
		for _, more := range []string{string(r.Reason), r.ErrorCode} {
			if more != "" {
				w += " " + more
			}
		}
		words = append(words, w)
	}
	return words
}

// Each item has its own outcome, and one that the answer does not tell is unknown.
func TestBulkAnswers(t *testing.T) {
	t.Parallel()
	const (
		well = orchestrator.Well
		ill  = orchestrator.Ill
	)
	all := func(word string) []string { return []string{word, word, word} }
	unsure := all("unknown unexpected_answer")
	envelope := func(status int, code string) reply {
		return reply{status: status, body: `{"message":"` + canary + `","errorCode":` + code + `}`}
	}
	tests := map[string]struct {
		answer reply
		accept bool // on_duplicate: ack
		want   []string
		health orchestrator.Health
	}{
		"all added":   {answer: bulkAdded(""), want: all("delivered"), health: well},
		"lower case":  {answer: reply{status: 200, body: `{"success":true,"message":null,"failedItems":[]}`}, want: all("delivered"), health: well},
		"no list":     {answer: reply{status: 200, body: `{"Success":true,"FailedItems":null}`}, want: all("delivered"), health: well},
		"201":         {answer: reply{status: 201, body: `{"Success":true}`}, want: all("delivered"), health: well},
		"one refused": {answer: bulkAdded(failedAt("2", `"QueueItemSchemaViolationException"`)), want: []string{"delivered", "rejected rejected QueueItemSchemaViolationException", "delivered"}, health: well},
		"two refused": {answer: bulkAdded(failedAt("1", `"QueueItemContentSizeExceeded"`) + "," + failedAt("3", `"TransactionReferenceRequired"`)),
			want: []string{"rejected too_large QueueItemContentSizeExceeded", "delivered", "rejected rejected 1850"}, health: well},
		"no such queue":      {answer: bulkAdded(failedAt("3", `"ItemNotFound"`)), want: []string{"delivered", "delivered", "rejected not_found 1002"}, health: well},
		"not now":            {answer: bulkAdded(failedAt("3", `"OptimisticConcurrency"`)), want: []string{"delivered", "delivered", "deferred 1020"}, health: well},
		"by number":          {answer: bulkAdded(failedAt(`"2"`, "1020")), want: []string{"delivered", "deferred 1020", "delivered"}, health: well},
		"a name of its own":  {answer: bulkAdded(failedAt("2", `"SomethingElse"`)), want: []string{"delivered", "singly", "delivered"}, health: well},
		"no name":            {answer: bulkAdded(failedAt("2", `null`)), want: []string{"delivered", "singly", "delivered"}, health: well},
		"taken":              {answer: bulkAdded(failedAt("2", `"DuplicateReference"`)), want: []string{"delivered", "singly", "delivered"}, health: well},
		"taken, and may be":  {answer: bulkAdded(failedAt("2", `"DuplicateReference"`)), accept: true, want: []string{"delivered", "duplicate 1016", "delivered"}, health: well},
		"named twice":        {answer: bulkAdded(failedAt("2", `"ItemNotFound"`) + "," + failedAt("2", `"Else"`)), want: []string{"delivered", "rejected not_found 1002", "delivered"}, health: well},
		"no ordinal":         {answer: bulkAdded(failedAt("null", `"DuplicateReference"`)), want: unsure, health: well},
		"ordinal 0":          {answer: bulkAdded(failedAt("0", `"DuplicateReference"`)), want: unsure, health: well},
		"ordinal beyond":     {answer: bulkAdded(failedAt("4", `"DuplicateReference"`)), want: unsure, health: well},
		"no failed items":    {answer: reply{status: 200, body: `{"Success":false,"Message":null,"FailedItems":[]}`}, want: unsure, health: well},
		"yes and no":         {answer: reply{status: 200, body: `{"Success":true,"FailedItems":[` + failedAt("1", `"X"`) + `]}`}, want: unsure, health: well},
		"no word on success": {answer: reply{status: 200, body: `{"FailedItems":[]}`}, want: unsure, health: ill},
		"html":               {answer: reply{status: 200, body: "<html>"}, want: unsure, health: ill},
		"cut off":            {answer: reply{status: 200, body: `{"Success":true`, cut: true}, want: all("unknown connection_lost"), health: ill},
		"500":                {answer: reply{status: 500}, want: all("unknown service_unavailable"), health: ill},
		"503":                {answer: reply{status: 503, body: "<html>"}, want: all("unknown service_unavailable"), health: ill},
		"408":                {answer: reply{status: 408}, want: all("unknown service_unavailable"), health: ill},
		"425":                {answer: reply{status: 425}, want: all("unknown service_unavailable"), health: ill},
		"no answer":          {answer: reply{err: errBroken}, want: all("unavailable connection_failed"), health: ill},
		"401":                {answer: reply{status: 401}, want: all("unavailable token_refused"), health: orchestrator.Refused},
		"429":                {answer: reply{status: 429}, want: all("unavailable throttled"), health: orchestrator.Throttled},
		"302":                {answer: reply{status: 302}, want: all("unavailable unexpected_answer"), health: ill},
		"403":                {answer: envelope(403, "0"), want: all("deferred forbidden"), health: well},
		"403 of a proxy":     {answer: reply{status: 403, body: "<html>"}, want: all("unavailable unexpected_answer"), health: ill},
		"404 of a proxy":     {answer: reply{status: 404, body: "<html>"}, want: all("singly"), health: orchestrator.Untold},
		"405 of a proxy":     {answer: reply{status: 405}, want: all("singly"), health: orchestrator.Untold},
		"400":                {answer: envelope(400, "1000"), want: all("singly"), health: well},
		"404":                {answer: envelope(404, "1002"), want: all("singly"), health: well},
		"409":                {answer: envelope(409, "1016"), want: all("singly"), health: well},
		"413":                {answer: reply{status: 413, body: "<html>"}, want: all("singly"), health: well},
		"422":                {answer: envelope(422, "0"), want: all("singly"), health: well},
		"no such folder":     {answer: envelope(400, "1100"), want: all("singly"), health: well},
		"500 that is sure":   {answer: envelope(500, "1002"), want: all("singly"), health: well},
		"500 that is not":    {answer: envelope(500, "1010"), want: all("unknown service_unavailable 1010"), health: ill},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := batchOf(3)
			for i := range tries {
				tries[i].AcceptDuplicate = tt.accept
			}
			results := bulkAPI(tt.answer).connector().SubmitBatch(t.Context(), tries)
			if diff := cmp.Diff(tt.want, spoken(results)); diff != "" {
				t.Error(diff)
			}
			for _, r := range results {
				if r.Health != tt.health || strings.Contains(fmt.Sprintf("%+v", r), canary) {
					t.Errorf("health %d: %+v", r.Health, r)
				}
			}
		})
	}
}

// The body is what the API documents, and names no item's queue twice.
func TestBulkBody(t *testing.T) {
	t.Parallel()
	api := bulkAPI(bulkAdded(""))
	tries := batchOf(2)
	tries[0].Request.Queue = `In"voices`
	tries[0].Request.Content = fields("Vendor", `"ACME"`)
	tries[1].Request.Priority = job.High
	if got := spoken(api.connector().SubmitBatch(t.Context(), tries)); got[0] != "delivered" {
		t.Error(got)
	}
	want := `{"queueName":"In\"voices","commitType":"ProcessAllIndependently","queueItems":[` +
		`{"SpecificContent":{"Vendor":"ACME"},"Reference":"inv-1"},{"Priority":"High","Reference":"inv-2"}]}`
	if diff := cmp.Diff([]string{want}, api.bodies); diff != "" {
		t.Error(diff)
	}
	name, value := folderHeader("Finance/AP")
	r := api.requests[0]
	if !strings.HasSuffix(r.URL.Path, bulkPath) || r.Header[name][0] != value {
		t.Errorf("%s %v", r.URL.Path, r.Header)
	}
}

// What cannot be written, and what is lost, is not in the body; the ordinals are
// those of the rest.
func TestBulkWithoutSome(t *testing.T) {
	t.Parallel()
	api := bulkAPI(bulkAdded(failedAt("2", `"QueueItemContentSizeExceeded"`)))
	tries := batchOf(5)
	tries[0].Request.Content = job.Fields{"Broken\xff": json.RawMessage("1")}
	tries[2].Still = func() bool { return false }
	tries[3].Still = func() bool { return true }
	results := api.connector().SubmitBatch(t.Context(), tries)
	want := []string{"rejected invalid_request", "delivered", "unavailable lease_lost", "rejected too_large QueueItemContentSizeExceeded", "delivered"}
	if diff := cmp.Diff(want, spoken(results)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(api.bodies[0], "Broken") || strings.Contains(api.bodies[0], "inv-3") {
		t.Error(api.bodies[0])
	}
	none := batchOf(2)
	none[0].Still, none[1].Still = tries[2].Still, tries[2].Still
	api.connector().SubmitBatch(t.Context(), none)
	if len(api.requests) != 1 {
		t.Error("a call was made for nobody")
	}
}

func TestBatchKeys(t *testing.T) {
	t.Parallel()
	c := New(Settings{})
	key := func(set func(*job.Request)) orchestrator.BatchKey {
		r := item()
		set(r)
		k, ok := c.BatchKey(r)
		if ok != (r.Action == job.AddQueueItem) {
			t.Errorf("%s: %t", r.Action, ok)
		}
		return k
	}
	same := key(func(*job.Request) {})
	if k := key(func(r *job.Request) { r.Folder, r.Queue, r.Reference = "finance/ap", "INVOICES ", " INV-1" }); k.Group != same.Group || k.Name != same.Name {
		t.Errorf("%+v is not %+v", k, same)
	}
	for _, set := range []func(*job.Request){
		func(r *job.Request) { r.Folder = "Finance" },
		func(r *job.Request) { r.Queue = "Notes" },
		func(r *job.Request) { r.Action = job.StartJob },
	} {
		if k := key(set); k.Group == same.Group {
			t.Errorf("%+v", k)
		}
	}
	withOption := sized(1, 20)
	withOption.Options = fields("Progress", `"`+strings.Repeat("x", 100_000)+`"`)
	all := maps.Clone(sizes)
	all["an option"] = withOption
	for name, r := range all {
		body, err := marshalItem(r)
		if k, _ := c.BatchKey(r); err != nil || k.Size < len(body) || k.Size > len(body)+400+50*len(r.Content) {
			t.Errorf("%s: %d of %d bytes", name, k.Size, len(body))
		}
	}
}

// A batch's answer has no ids: an item that a look-up finds may be of the other
// request of its reference.
func TestItemsOfBatchesAreOthers(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]job.Verdict{"1": job.Duplicate, "else": job.Unknown} {
		synctest.Test(t, func(t *testing.T) {
			api := bulkAPI(bulkAdded(""))
			api.queues, api.items = queueAnswers(queueRow("Invoices", false)), answers(listed(row{id: 42, content: vendor}))
			c := api.connector()
			c.Settle = settle
			c.SubmitBatch(t.Context(), batchOf(2))
			if r := c.Submit(t.Context(), withID(id, fields("Vendor", `"ACME"`))); r.Verdict != want {
				t.Errorf("%s: %+v", id, r)
			}
		})
	}
}

// On a queue with unique references the item is the one that a batch added for
// another request of the reference, however late it was made.
func TestTakenByAnItemOfABatch(t *testing.T) {
	t.Parallel()
	acme, other := fields("Vendor", `"ACME"`), fields("Vendor", `"B"`)
	for name, tt := range map[string]struct {
		try  orchestrator.Try
		want meant
	}{
		"its own":                         {withID("1", other), meant{job.Duplicate, "", orchestrator.Well, "1016"}},
		"another's of the same content":   {withID("else", acme), meant{job.Duplicate, "", orchestrator.Well, "1016"}},
		"another's, and of other content": {withID("else", other), meant{job.Rejected, job.ReferenceConflict, orchestrator.Well, "1016"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := bulkAPI(bulkAdded(""))
			api.add, api.queues = answers(taken), queueAnswers(queueRow("Invoices", true))
			api.items = answers(listed(row{id: 42, content: vendor, created: time.Now()}))
			c := api.connector()
			c.SubmitBatch(t.Context(), batchOf(2))
			if got := meaningOf(c.Submit(t.Context(), tt.try)); got != tt.want {
				t.Errorf("%+v", got)
			}
		})
	}
}
