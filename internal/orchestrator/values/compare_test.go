package values

import (
	"encoding/json"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
)

func TestSameContent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sent, got string
		want      bool
	}{
		"nothing":                    {`{}`, `{}`, true},
		"null and nothing":           {`null`, `{}`, true},
		"another order":              {`{"a":1,"b":"x"}`, `{"b":"x","a":1}`, true},
		"a name is missing":          {`{"a":1,"b":"x"}`, `{"a":1}`, false},
		"a name of the server's":     {`{"a":1}`, `{"a":1,"b":"x"}`, false},
		"names count their case":     {`{"a":1}`, `{"A":1}`, false},
		"annotation sent":            {`{"a":"1","a@odata.type":"#String"}`, `{"a":"1"}`, true},
		"annotation got":             {`{"a":1}`, `{"a":1,"a@odata.type":"#Int64"}`, true},
		"null sent":                  {`{"a":1,"b":null}`, `{"a":1}`, true},
		"null got":                   {`{"a":1}`, `{"a":1,"b":null}`, true},
		"null is not empty":          {`{"a":""}`, `{"a":null}`, false},
		"null is not false":          {`{"a":false}`, `{}`, false},
		"another text":               {`{"a":"x"}`, `{"a":"y"}`, false},
		"text in another case":       {`{"a":"x"}`, `{"a":"X"}`, false},
		"escaped in another way":     {`{"a":"\u00e9\/"}`, `{"a":"é/"}`, true},
		"blank at the end":           {`{"a":"x"}`, `{"a":"x "}`, false},
		"date in another zone":       {`{"a":"2026-01-31T06:00:00+01:00"}`, `{"a":"2026-01-31T05:00:00Z"}`, true},
		"date without a zone":        {`{"a":"2026-01-31T06:00:00"}`, `{"a":"2026-01-31T06:00:00Z"}`, true},
		"date with more digits":      {`{"a":"2026-01-31T06:00:00.12345678Z"}`, `{"a":"2026-01-31T06:00:00.1234567Z"}`, true},
		"date with a zero fraction":  {`{"a":"2026-01-31T06:00:00Z"}`, `{"a":"2026-01-31T06:00:00.000Z"}`, true},
		"another date":               {`{"a":"2026-01-31T06:00:00Z"}`, `{"a":"2026-01-31T06:00:01Z"}`, false},
		"half a date":                {`{"a":"2026-01-31"}`, `{"a":"2026-01-31T00:00:00Z"}`, false},
		"12.50":                      {`{"a":12.50}`, `{"a":12.5}`, true},
		"12.0 and 12":                {`{"a":12.0}`, `{"a":12}`, true},
		"1e2 and 100":                {`{"a":1e2}`, `{"a":100}`, true},
		"-0 and 0":                   {`{"a":-0}`, `{"a":0}`, true},
		"another number":             {`{"a":12.5}`, `{"a":12.51}`, false},
		"large, all digits":          {`{"a":9007199254740993}`, `{"a":9007199254740993}`, true},
		"large, one off":             {`{"a":9007199254740993}`, `{"a":9007199254740992}`, false},
		"large, one off, as a float": {`{"a":9007199254740993}`, `{"a":9.007199254740992E15}`, false},
		"larger than 64 bits":        {`{"a":12345678901234567890}`, `{"a":12345678901234567000}`, true},
		"larger, another":            {`{"a":12345678901234567890}`, `{"a":12345678901234600000}`, false},
		"more digits than a double":  {`{"a":0.12345678901234567890123}`, `{"a":0.12345678901234568}`, true},
		"beyond a double":            {`{"a":1e999}`, `{"a":1e998}`, false},
		"beyond a double, the same":  {`{"a":1e999}`, `{"a":1e999}`, true},
		"an endless exponent":        {`{"a":1e999999999}`, `{"a":1e999999998}`, false},
		"a number is no text":        {`{"a":1}`, `{"a":"1"}`, false},
		"text is no number":          {`{"a":"1"}`, `{"a":1}`, false},
		"true":                       {`{"a":true}`, `{"a":true}`, true},
		"true and false":             {`{"a":true}`, `{"a":false}`, false},
		"true is no text":            {`{"a":true}`, `{"a":"true"}`, false},
		"something nested":           {`{"a":1}`, `{"a":{"b":1}}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent, got := object(t, tt.sent), object(t, tt.got)
			if same := SameContent(sent, got); same != tt.want {
				t.Errorf("%t", same)
			}
			if same := SameContent(got, sent); same != tt.want {
				t.Errorf("the other way round: %t", same)
			}
		})
	}
}

func object(t *testing.T, text string) (fields job.Fields) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// What is compared is the same in both directions, and content is always the
// same as itself, written anew or not.
func FuzzSameContent(f *testing.F) {
	for _, pair := range [][2]string{
		{`{}`, `null`}, {`{"a":1}`, `{"a":1.0}`}, {`{"a":1e999999999}`, `{"a":-1E-999999999}`}, {`{"a":"2026-01-31T06:00:00"}`, `{"a":"2026-01-31T06:00:00Z"}`},
		{`{"a@odata.type":"#String","a":"\ud800"}`, `{"a":null}`}, {`{"a":[1],"b":{"c":2}}`, `{"a":true,"b":false}`}, {`{"a":9223372036854775807}`, `{"a":9223372036854775808}`},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var a, b job.Fields
		if json.Unmarshal([]byte(first), &a) != nil || json.Unmarshal([]byte(second), &b) != nil {
			return
		}
		if SameContent(a, b) != SameContent(b, a) {
			t.Error("not the same in both directions")
		}
		for _, content := range []job.Fields{a, b} {
			text, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			if !SameContent(content, object(t, string(text))) {
				t.Errorf("not the same as itself: %s", text)
			}
		}
	})
}
