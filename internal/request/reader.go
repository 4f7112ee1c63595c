package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/queueferry/queueferry/internal/job"
)

// reader reads JSON strictly: UTF-8, no key twice, nothing behind the value.
// The first fault of the JSON itself stays in err; from then on every value is
// nil, and what the caller found wrong with the meaning no longer counts.
type reader struct {
	dec  jsontext.Decoder
	buf  bytes.Buffer
	data []byte
	err  error
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// open readies a reader for data; release gives it back. Values alias data.
func open(data []byte) *reader {
	r, _ := readers.Get().(*reader)
	r.data, r.err = data, nil
	r.buf = *bytes.NewBuffer(data)
	r.dec.Reset(&r.buf)
	return r
}

func (r *reader) release() {
	r.data, r.err = nil, nil
	readers.Put(r)
}

// kind is the first byte of the next value, 0 where there is none.
func (r *reader) kind() byte {
	if r.err != nil {
		return 0
	}
	return byte(r.dec.PeekKind())
}

// value reads the next value whole, as it was written.
func (r *reader) value() []byte {
	if r.err != nil {
		return nil
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		r.err = err
		return nil
	}
	end := int(r.dec.InputOffset())
	return r.data[end-len(v) : end : end]
}

// token reads a brace or a bracket.
func (r *reader) token() {
	if _, err := r.dec.ReadToken(); err != nil && r.err == nil {
		r.err = err
	}
}

// end checks that nothing follows.
func (r *reader) end() {
	if r.err != nil {
		return
	}
	if _, err := r.dec.ReadToken(); err == nil {
		r.err = errTrailing
	} else if !errors.Is(err, io.EOF) {
		r.err = err
	}
}

var errTrailing = errors.New("a second value follows the first")

// members reads an object and calls each for every key; each must read exactly
// the key's value. It returns the first outcome that each gave.
func (r *reader) members(each func(name []byte) *job.Outcome) *job.Outcome {
	var first *job.Outcome
	r.token()
	for k := r.kind(); r.err == nil && k != '}'; k = r.kind() {
		name := unquote(r.value())
		if r.err != nil {
			break
		}
		if stop := each(name); stop != nil && first == nil {
			first = stop
		}
	}
	if r.err == nil {
		r.token()
	}
	return first
}

// text reads a string. Null counts as absent: nil.
func (r *reader) text(field string) ([]byte, *job.Outcome) {
	v := r.value()
	switch {
	case v == nil || v[0] == 'n':
		return nil, nil
	case v[0] != '"':
		return nil, wrongType(field, "a string", v[0])
	}
	return unquote(v), nil
}

// word reads a string that may be absent but not empty.
func (r *reader) word(field string) ([]byte, *job.Outcome) {
	b, stop := r.text(field)
	if b != nil && len(b) == 0 {
		return nil, invalid("%s: empty; leave it out or give it a value", field)
	}
	return b, stop
}

// object reads an object and keeps its values as they were written. Null
// counts as absent: nil.
func (r *reader) object(field string) (job.Fields, *job.Outcome) {
	if k := r.kind(); k != '{' {
		if v := r.value(); v == nil || v[0] == 'n' {
			return nil, nil
		}
		return nil, wrongType(field, "an object", k)
	}
	fields := job.Fields{}
	return fields, r.members(func(name []byte) *job.Outcome {
		fields[string(name)] = json.RawMessage(r.value())
		return nil
	})
}

// gzipMagic begins what is compressed (RFC 1952, section 2.3.1), and no JSON.
var gzipMagic = []byte{0x1f, 0x8b}

// broken is the outcome for JSON that is faulty in itself, nil where it is not.
// A key that is there twice makes an invalid request, all else no request at all.
func (r *reader) broken() *job.Outcome {
	if r.err == nil {
		return nil
	}
	if bytes.HasPrefix(r.data, gzipMagic) {
		return undecodable("compressed with gzip, which no route undoes: publish it as it is")
	}
	s, ok := errors.AsType[*jsontext.SyntacticError](r.err)
	if !ok {
		return undecodable("not one JSON value: %s", r.err)
	}
	if errors.Is(s.Err, jsontext.ErrDuplicateName) && jsontext.Value(r.data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return invalid("%s: duplicate key", dotted(s.JSONPointer))
	}
	if s.JSONPointer == "" {
		return undecodable("not valid JSON at byte %d: %s", s.ByteOffset, shown(s.Err.Error(), maxQuoted))
	}
	return undecodable("not valid JSON at byte %d, near %s: %s", s.ByteOffset, dotted(s.JSONPointer), shown(s.Err.Error(), maxQuoted))
}

// dotted writes a JSON pointer as the other details name a field.
func dotted(p jsontext.Pointer) string {
	var parts []string
	for token := range p.Tokens() {
		parts = append(parts, token)
	}
	return shown(strings.Join(parts, "."), maxQuoted)
}

// unquote is the text of a JSON string. Without escapes it aliases v.
func unquote(v []byte) []byte {
	if len(v) < 2 {
		return nil
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	b, _ := jsontext.AppendUnquote(make([]byte, 0, len(v)), v)
	return b
}
