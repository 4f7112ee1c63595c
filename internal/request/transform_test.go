package request

import (
	"context"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queueferry/queueferry/internal/job"
)

func withTransform(program string) Settings {
	s := openRoute
	s.Transform = program
	return s
}

const toQ = `{action: "add_queue_item", queue: "Q", id: "i"} + `

func TestTransform(t *testing.T) {
	t.Parallel()
	const event = `{"specversion":"1.0","id":"e","source":"s","type":"t","data":[1.50]}`
	tests := map[string]struct {
		program string
		m       Message
		want    job.Fields
	}{
		"fields":            {toQ + `{content: {Vendor: .vendor.name}}`, message(`{"vendor":{"name":"ACME"}}`), fields("Vendor", `"ACME"`)},
		"any JSON":          {toQ + `{content: {n: .[1]}}`, message(`[1,"x"]`), fields("n", `"x"`)},
		"a string":          {toQ + `{content: {n: .}}`, message(`"x"`), fields("n", `"x"`)},
		"null":              {toQ + `{content: {n: .}}`, message(`null`), fields("n", "null")},
		"numbers stay":      {toQ + `{content: .}`, message(`{"a":12.50,"b":123456789012345678901234567890,"c":1e400,"d":-0.0}`), fields("a", "12.50", "b", "123456789012345678901234567890", "c", "1e400", "d", "-0.0")},
		"integers compute":  {toQ + `{content: {a: (.a + 1)}}`, message(`{"a":123456789012345678901234567890}`), fields("a", "123456789012345678901234567891")},
		"variables":         {toQ + `{content: {s: $subject, h: $headers, q: $sequence, t: $time}}`, message(`1`, "X-Tag", "v", "X-Tag", "w", "y", "é"), fields("s", `"jobs.a"`, "h", `{"X-Tag":"v","y":"é"}`, "q", "7", "t", `"2023-11-14T22:13:20.000000001Z"`)},
		"no headers":        {toQ + `{content: {h: $headers}}`, message(`1`), fields("h", "{}")},
		"no environment":    {toQ + `{content: {a: env, b: $ENV}}`, message(`1`), fields("a", "{}", "b", "{}")},
		"no other inputs":   {toQ + `{content: {a: [inputs]}}`, message(`1`), fields("a", "[]")},
		"debugging is mute": {toQ + `{content: {a: (. | debug | debug("x") | stderr), b: input_line_number, c: input_filename}}`, message(`1`), fields("a", "1", "b", "0", "c", "null")},
		"native":            {`{itemData: {Name: "Q", Reference: "i", SpecificContent: .}}`, message(`{"a":1}`), fields("a", "1")},
		"null is absent":    {toQ + `{folder: .folder, content: {a: 1}}`, message(`{}`), fields("a", "1")},
		"structured event":  {toQ + `{content: {n: .[0]}}`, message(event, "Content-Type", ceJSON), fields("n", "1.50")},
		"untyped event":     {toQ + `{content: {n: .[0]}}`, message(event), fields("n", "1.50")},
		"event as JSON":     {toQ + `{content: {n: .[0]}}`, message(event, "Content-Type", "application/json"), fields("n", "1.50")},
		"event as text":     {toQ + `{content: {n: .data[0]}}`, message(event, "Content-Type", "text/plain"), fields("n", "1.50")},
		"binary event":      {toQ + `{content: {n: .[0], s: $headers["ce-source"]}}`, message(`[2]`, "ce-specversion", "1.0", "ce-id", "e", "ce-source", "s", "ce-type", "t"), fields("n", "2", "s", `"s"`)},
		"halt ends":         {toQ + `{content: {n: .}}, halt`, message(`1`), fields("n", "1")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := accept(t, withTransform(tt.program), tt.m)
			if diff := cmp.Diff(tt.want, req.Content); diff != "" || req.Queue != "Q" {
				t.Errorf("queue %q: %s", req.Queue, diff)
			}
		})
	}
}

func TestTransformDrops(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{"empty": "empty", "select": `select(.kind == "job")`, "halt": "halt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, out, ok := newDecoder(t, withTransform(program)).Decode(t.Context(), message(`{"id":"b"}`, "Nats-Msg-Id", "n"))
			if ok || req.ID != "n" {
				t.Errorf("taken %v, id %q", ok, req.ID)
			}
			if diff := cmp.Diff(job.Outcome{Verdict: job.Dropped}, out); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTransformRefused(t *testing.T) {
	t.Parallel()
	const secret = `{"id":"b","v":"s3cret"}`
	tests := map[string]struct {
		program, body string
		reason        job.Reason
		detail        string
	}{
		"two outputs":         {`., .`, secret, job.TransformFailed, "more than one output"},
		"error behind one":    {`., error("late")`, secret, job.TransformFailed, "the transform failed: late"},
		"raised":              {`error("no vendor")`, secret, job.TransformFailed, "the transform failed: no vendor"},
		"raised lines":        {`error("a\nb")`, secret, job.TransformFailed, "the transform failed: a b"},
		"raised object":       {`error({a: .v})`, secret, job.TransformFailed, "it raised an error of type object"},
		"raised null":         {`error(null)`, secret, job.TransformFailed, "type null"},
		"halted":              {`"stop" | halt_error`, secret, job.TransformFailed, "the transform failed: stop"},
		"types":               {`.v + 1`, secret, job.TransformFailed, "cannot add: string and number"},
		"index":               {`.v.x`, secret, job.TransformFailed, "expected an object but got: string"},
		"iterate":             {`.v[]`, secret, job.TransformFailed, "cannot iterate over: string"},
		"conversion":          {`.v | tonumber`, secret, job.TransformFailed, "tonumber cannot be applied to"},
		"parsing":             {`.v | fromjson`, secret, job.TransformFailed, "fromjson cannot be applied to"},
		"argument":            {`1 | split("s3cret")`, secret, job.TransformFailed, "split cannot be applied to: number"},
		"pattern":             {`.v | test("s3cret(")`, secret, job.TransformFailed, "the transform failed: "},
		"division":            {`1 / 0`, secret, job.TransformFailed, "cannot divide number by: number"},
		"input":               {`input`, secret, job.TransformFailed, "there is no other input"},
		"text":                {`.v`, secret, job.TransformFailed, "value of type string; expected an object"},
		"list":                {`[.]`, secret, job.TransformFailed, "value of type array"},
		"nothing of a sort":   {`null`, secret, job.TransformFailed, "value of type null"},
		"unknown key":         {`{acton: "start_job"}`, secret, job.InvalidRequest, `in the transform's output: unknown key "acton"; did you mean "action"?`},
		"missing":             {`{action: "start_job"}`, secret, job.InvalidRequest, "process: missing"},
		"event as output":     {`{specversion: "1.0", id: "i", source: "s", type: "t"}`, secret, job.InvalidRequest, "in the transform's output: unknown key"},
		"not JSON":            {`.`, `{`, job.Undecodable, "not valid JSON"},
		"empty":               {`.`, ``, job.Undecodable, "empty"},
		"two values":          {`.`, `1 2`, job.Undecodable, "a second value follows"},
		"array cut short":     {`.`, `[1,`, job.Undecodable, "not valid JSON"},
		"duplicate key":       {`.`, `[{"a":1,"a":2}]`, job.InvalidRequest, "0.a: duplicate key"},
		"too large":           {`{content: {a: ("x" * 2000000)}}`, secret, job.TransformFailed, "more than 1048576 bytes"},
		"too large, keys":     {`{content: {("a" * 700000): 1, ("b" * 700000): 1}}`, secret, job.TransformFailed, "more than 1048576 bytes"},
		"too large, escaped":  {`{content: {a: ("\u0001" * 200000)}}`, secret, job.TransformFailed, "more than 1048576 bytes"},
		"too large, doubling": {`{content: {a: (reduce range(40) as $i (1; [., .]))}}`, secret, job.TransformFailed, "more than 1048576 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, out, ok := newDecoder(t, withTransform(tt.program)).Decode(t.Context(), message(tt.body, "Nats-Msg-Id", "n"))
			if ok || out.Verdict != job.Rejected || out.Reason != tt.reason || !strings.Contains(out.Detail, tt.detail) {
				t.Errorf("taken %v, %+v, want %s: %s", ok, out, tt.reason, tt.detail)
			}
			if strings.Contains(out.Detail, "s3c") || len(out.Detail) > 512 {
				t.Errorf("detail %q", out.Detail)
			}
			if req.ID == "" || req.ID == "b" {
				t.Errorf("id %q: what goes into a transform names nothing", req.ID)
			}
		})
	}
}

func TestTransformIsClippedAndLimitedInTime(t *testing.T) {
	t.Parallel()
	refuse(t, withTransform(`error("x" * 300)`), message(`1`), job.TransformFailed, strings.Repeat("x", 256)+"…")

	d := newDecoder(t, withTransform(`def f: f; f`))
	d.transform.limit = 5 * time.Millisecond
	_, out, ok := d.Decode(t.Context(), message(`1`))
	if ok || out.Reason != job.TransformFailed || !strings.Contains(out.Detail, "did not end in time") {
		t.Errorf("taken %v, %+v", ok, out)
	}
	if d, err := NewDecoder(withTransform(`.`)); err != nil || d.transform.limit != time.Second {
		t.Error("the limit of a transform is one second")
	}
}

// A worker that stops must not dead-letter the message it was about to transform.
func TestTransformCutShortByTheCallerJudgesNobody(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("stopping"))
	req, out, ok := newDecoder(t, withTransform(`.`)).Decode(ctx, message(`{}`))
	if ok || out.Verdict != job.Unavailable || out.Reason != job.Stopping || !strings.Contains(out.Detail, "stopping") || req.ID == "" {
		t.Errorf("taken %v, %+v", ok, out)
	}
}

func TestNewDecoderRefusesWhatDoesNotCompile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ program, want string }{
		"syntax":          {"{action: \"add_queue_item\",\n  queue: }", `line 2, column 10: unexpected token "}"`},
		"end":             {"{a: 1", "line 1, column 6: unexpected EOF"},
		"function":        {"frobnicate", "function not defined: frobnicate/0"},
		"variable":        {"$nope", "variable not defined: $nope"},
		"module":          {`import "m" as m; .`, "m"},
		"included module": {`include "m"; .`, "m"},
		"data file":       {`import "/etc/passwd" as $p; $p`, "passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := NewDecoder(Settings{Transform: tt.program})
			if err == nil || d != nil || !strings.HasPrefix(err.Error(), "request: transform: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if d := newDecoder(t, Settings{Transform: " \n"}); d.transform != nil {
		t.Error("white space is no transform")
	}
}

// A number of a million digits is refused before it is written out.
func TestTransformOutputOfOneHugeNumber(t *testing.T) {
	t.Parallel()
	huge := new(big.Int).Lsh(big.NewInt(1), 4*transformOutput+16)
	if _, stop := encode(map[string]any{"a": huge}); stop == nil || !strings.Contains(stop.Detail, "more than 1048576 bytes") {
		t.Errorf("got %+v", stop)
	}
	if data, stop := encode(map[string]any{"a": new(big.Int).Lsh(big.NewInt(1), 70)}); stop != nil || string(data) != `{"a":1180591620717411303424}` {
		t.Errorf("got %s, %+v", data, stop)
	}
}

func TestSequenceOfAnySize(t *testing.T) {
	t.Parallel()
	m := message(`1`)
	m.Sequence = math.MaxUint64
	if got := accept(t, withTransform(toQ+`{content: {n: $sequence}}`), m).Content; string(got["n"]) != "18446744073709551615" {
		t.Errorf("got %s", got["n"])
	}
}
