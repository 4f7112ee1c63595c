package automationanywhere

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// Whatever an answer holds, it is read without a panic, a receipt is an id or
// nothing, and a refusal is never a delivery.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		`{"list":[{"id":"31363","json":{"Ref":"a"},"col1":"a","createdOn":"2026-01-31T06:00:00Z"}]}`, `{"id":1,"json":"{\"Ref\":\"a\"}"}`,
		`[{"id":1},{"id":1}]`, `{"page":{"offset":0,"total":"3","totalFilter":1},"list":[]}`, `{"deploymentId":"d-1","automationId":33}`,
		`{"code":"UM1117","details":null,"message":"x"}`, `null`, `[]`, `{"list":null}`, `{"list":[null]}`, `<html>`, "\xff", `{"id":1e3}`, `{"id":-1}`,
	} {
		f.Add(200, body)
		f.Add(404, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		a := orchestrator.Answer{Status: status, Body: []byte(body), Written: true}
		rows, ok := readItems(a)
		for _, row := range rows {
			if !row.id.Positive() || row.receipt().ID != string(row.id) {
				t.Errorf("%+v", row)
			}
			row.item().row.holds(job.Fields{"Ref": []byte(`"a"`)})
			if known, found := learn(rows, "Ref"); found && (!displayColumn.MatchString(known.names()[0]) || known.proof == "") {
				t.Errorf("%+v", known)
			}
		}
		receipt, started := readDeployment(a)
		if (ok || started) && !a.Succeeded() || started && strings.ContainsAny(receipt.String(), "<>\" /") {
			t.Errorf("%v %v %+v", rows, started, receipt)
		}
		if list, ok := readList[deploymentRow](a); ok {
			deploymentsOf(list.all, "a")
			list.whole(paging{Length: mostRows}, true)
		}
		if list, ok := readList[itemRow](a); ok {
			itemPage{rows: list.all}.of([]string{"a"}, shelf{"1", "Ref"}, "")
		}
		if code, envelope := readError(a.Body); code != "" && (!envelope || !identifier.MatchString(code)) {
			t.Errorf("%q", code)
		}
		for i, r := range (&room{}).connector().batchResults(a, []*job.Request{item("a"), item("b")}) {
			if r.Verdict == job.Delivered && (!ok || len(rows) != 2) {
				t.Errorf("%d: %+v", i, r)
			}
		}
	})
}

// The item that is written is JSON with the request's content, and its reference.
func FuzzItems(f *testing.F) {
	f.Add("Vendor", `"ACME"`, "inv-1")
	f.Add("a\x00\"", `{"b":[1e9]}`, "\xff\u2028")
	f.Fuzz(func(t *testing.T, name, value, reference string) {
		r := item(reference)
		if r.Content = fields(`{}`); jsonOf(value) != nil && name != r.ReferenceColumn {
			r.Content[name] = jsonOf(value)
		}
		body, err := appendItem(bodyHead(), r)
		if err != nil || !utf8.ValidString(reference) {
			return // not text
		}
		api := &room{}
		if got := api.add(append(body, "]}"...)); got.status != 200 || len(api.items) != 1 {
			t.Fatalf("%s", body)
		}
		held, ok := text(api.items[0].content["Ref"])
		if !ok || held != reference {
			t.Errorf("%q: %s", reference, body)
		}
	})
}

// jsonOf is a text if it is one JSON value, and nil if not.
func jsonOf(value string) []byte {
	if !json.Valid([]byte(value)) {
		return nil
	}
	return []byte(value)
}
