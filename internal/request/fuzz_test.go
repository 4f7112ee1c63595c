package request

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/job"
)

// checkDecoded holds for every message whatsoever.
func checkDecoded(t interface{ Errorf(string, ...any) }, req *job.Request, out job.Outcome, ok bool) {
	switch {
	case req == nil || req.ID == "":
		t.Errorf("no id: %+v", req)
	case ok && (!req.Action.Valid() || !validReference(req.Reference) || req.Priority != "" && !req.Priority.Valid()):
		t.Errorf("not complete: %+v", req)
	case ok && (req.Action == job.AddQueueItem) != (req.Queue != "") || ok && (req.Action == job.StartJob) != (req.Process != ""):
		t.Errorf("not what the action needs: %+v", req)
	case !ok && out.Verdict != job.Dropped && (out.Verdict != job.Rejected || !slices.Contains(job.DeadLetterReasons, out.Reason) || out.Detail == ""):
		t.Errorf("no good reason: %+v", out)
	case len(out.Detail) > 1024 || !utf8.ValidString(out.Detail) || strings.ContainsFunc(out.Detail, unicode.IsControl):
		t.Errorf("detail: %q", out.Detail)
	}
	if !ok {
		return
	}
	for _, f := range []job.Fields{req.Content, req.Arguments, req.Options} {
		for k, v := range f {
			if !json.Valid(v) {
				t.Errorf("%s: not JSON: %q", k, v)
			}
		}
	}
}

// checkBounded holds for every request of a route that fixes all and allows nothing.
func checkBounded(t *testing.T, req *job.Request) {
	t.Helper()
	if req.Action != job.AddQueueItem || req.Folder != "F" || req.Queue != "Q" || req.Priority != job.Low || req.Process != "" {
		t.Errorf("the message overruled its route: %+v", req)
	}
	if string(req.Content["a"]) != "1" || len(req.Arguments) > 0 || len(req.Options) > 0 {
		t.Errorf("the message overruled its route: %s %s %s", req.Content, req.Arguments, req.Options)
	}
}

func FuzzDecode(f *testing.F) {
	const ce = `{"specversion":"1.0","id":"e","source":"s","type":"t",`
	for _, seed := range []string{
		``, `{}`, `null`, benchBody, `{"id":"x","action":"start_job","process":"P","arguments":{"a":[1,{"b":null}]},"options":{"c":1}}`,
		`{"itemData":{"Name":"Q","Priority":"High","SpecificContent":{"a":1},"DueDate":"2021-03-11T15:19:56.44Z","Source":"x"}}`,
		`{"startInfo":{"ReleaseKey":"k","InputArguments":"{\"a\":1}","JobsCount":2}}`, ce + `"data":{"action":"start_job"}}`,
		ce + `"data_base64":"e30="}`, `{"id":"\ud83d\ude00","a":1,"a":2}`, "{\"id\":\"\xff\"}", `{"due_by":"2026-01-31T06:00:00+14:00"}`, `[[[`,
	} {
		f.Add([]byte(seed), "", "", "")
		f.Add([]byte(seed), ceJSON, "h\x00", "1.0")
	}
	fixed := openRoute
	fixed.Fixed = Preset{Content: job.Fields{"a": []byte("1")}}
	fixed.Defaults = Preset{Action: job.AddQueueItem, Queue: "Q", Process: "P", Options: job.Fields{"action": []byte(`"x"`)}}
	fixed.Allow.Plans = []Plan{{Plan: "*"}}
	decoders := []*Decoder{newDecoder(f, openRoute), newDecoder(f, fixed), newDecoder(f, withTransform(`if type == "object" then . else empty end`))}
	narrow := Preset{Action: job.AddQueueItem, Folder: "F", Queue: "Q", Priority: job.Low, Content: job.Fields{"a": []byte("1")}}
	bounded := newDecoder(f, Settings{Fixed: narrow})
	decoders = append(decoders, bounded)
	f.Fuzz(func(t *testing.T, data []byte, contentType, id, version string) {
		m := Message{Subject: "s", Data: data, Stream: "S", Sequence: 1, Time: time.Unix(1, 0), Header: map[string][]string{}}
		for name, v := range map[string]string{"Content-Type": contentType, HeaderRequestID: id, "ce-specversion": version} {
			if v != "" {
				m.Header[name] = []string{v}
			}
		}
		if version != "" {
			m.Header["ce-id"], m.Header["ce-source"], m.Header["ce-type"] = []string{id}, []string{"s"}, []string{"t"}
		}
		for _, d := range decoders {
			before := bytes.Clone(data)
			req, out, ok := d.Decode(t.Context(), m)
			checkDecoded(t, req, out, ok)
			again, outAgain, okAgain := d.Decode(t.Context(), m)
			if diff := cmp.Diff(req, again); diff != "" || ok != okAgain || out != outAgain {
				t.Errorf("decoded again: %+v, then %+v\n%s", out, outAgain, diff)
			}
			if !bytes.Equal(before, data) {
				t.Errorf("the message became %q", data)
			}
		}
		if req, _, ok := bounded.Decode(t.Context(), m); ok {
			checkBounded(t, req)
		}
	})
}

// However a request is put together, it is read as it was meant.
func TestEveryRequestIsReadAsWritten(t *testing.T) {
	t.Parallel()
	d := newDecoder(t, openRoute)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z0-9"\\äß😀/ ]{0,20}x`)
		want := map[string]any{"id": text.Draw(t, "id"), "action": "add_queue_item", "queue": text.Draw(t, "queue")}
		if rapid.Bool().Draw(t, "has folder") {
			want["folder"] = text.Draw(t, "folder")
		}
		want["content"] = rapid.MapOf(text, rapid.Int64()).Draw(t, "content")
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		req, out, ok := d.Decode(t.Context(), Message{Data: data})
		checkDecoded(t, req, out, ok)
		folder, _ := want["folder"].(string)
		if !ok || req.ID != want["id"] || req.Queue != want["queue"] || req.Folder != folder {
			t.Fatalf("%s became %+v (%+v)", data, req, out)
		}
		content, _ := json.Marshal(req.Content)
		expected, _ := json.Marshal(want["content"])
		if len(req.Content) > 0 && !sameJSON(content, expected) {
			t.Fatalf("%s became %s", expected, content)
		}
	})
}
