package request

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
)

// readValue reads any one JSON value as jq wants it. Numbers stay as they were
// written.
func readValue(data []byte) (any, *job.Outcome) {
	r := open(data)
	defer r.release()
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, undecodable("empty; expected JSON")
	}
	v := r.tree()
	r.end()
	return v, r.broken()
}

func (r *reader) tree() any {
	switch r.kind() {
	case '{':
		object := map[string]any{}
		r.members(func(name []byte) *job.Outcome {
			object[string(name)] = r.tree()
			return nil
		})
		return object
	case '[':
		array := []any{}
		r.token()
		for k := r.kind(); r.err == nil && k != ']' && k != 0; k = r.kind() {
			array = append(array, r.tree())
		}
		r.token()
		return array
	}
	return scalar(r.value())
}

func scalar(v []byte) any {
	if v == nil {
		return nil
	}
	switch v[0] {
	case 'n':
		return nil
	case 't':
		return true
	case 'f':
		return false
	case '"':
		return string(unquote(v))
	}
	return json.Number(v)
}

// sameJSON reports whether two values mean the same: the order of keys, white
// space and the way of writing a number do not count.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, wrongX := readValue(a)
	y, wrongY := readValue(b)
	return wrongX == nil && wrongY == nil && sameValue(x, y)
}

func sameValue(x, y any) bool {
	switch x := x.(type) {
	case map[string]any:
		y, ok := y.(map[string]any)
		return ok && maps.EqualFunc(x, y, sameValue)
	case []any:
		y, ok := y.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	case json.Number:
		y, ok := y.(json.Number)
		return ok && (x == y || decimal(x.String()) == decimal(y.String()))
	}
	return x == y
}

// number is a decimal number in the one form that equal numbers share:
// 0.digits times ten to the power exp.
type number struct {
	negative bool
	digits   string // without zeros at its ends; empty is zero
	exp      int
}

func decimal(s string) number {
	n := number{negative: strings.HasPrefix(s, "-")}
	mantissa, power, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(s, "-")), "e")
	n.exp, _ = strconv.Atoi(power) // out of range: the nearest int
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	n.exp += len(whole) - (len(whole+fraction) - len(digits))
	if n.digits = strings.TrimRight(digits, "0"); n.digits == "" {
		return number{}
	}
	return n
}
