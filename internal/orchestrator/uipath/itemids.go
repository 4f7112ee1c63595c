package uipath

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// idReader reads the answer to an add. All of it must be JSON, but only two of its
// members are looked at: encoding/json costs as much as writing the request.
type idReader struct {
	dec jsontext.Decoder
	buf bytes.Buffer
}

var idReaders = sync.Pool{New: func() any { return new(idReader) }}

// readIDs gives an object's Id and Key as encoding/json would: by their names in
// any case, the last of several, and nothing for null.
func readIDs(body []byte) (id code, key string, err error) {
	r, _ := idReaders.Get().(*idReader)
	defer idReaders.Put(r)
	r.buf = *bytes.NewBuffer(body)
	r.dec.Reset(&r.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if r.dec.PeekKind() != '{' {
		return "", "", errNoObject
	}
	_, err = r.dec.ReadToken()
	for err == nil && r.dec.PeekKind() != '}' {
		err = r.member(&id, &key)
	}
	if err != nil {
		return "", "", err
	}
	if _, err = r.dec.ReadToken(); err != nil {
		return "", "", err
	}
	if rest := bytes.TrimLeft(body[r.dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return "", "", errNoObject
	}
	return id, key, nil
}

// member reads one member.
func (r *idReader) member(id *code, key *string) error {
	name, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	isID, isKey := isName(name, "Id"), isName(name, "Key")
	value, err := r.dec.ReadValue()
	switch {
	case err != nil:
		return err
	case isID:
		return id.UnmarshalJSON(value)
	case isKey && isPlain(value):
		*key = string(value[1 : len(value)-1])
	case isKey:
		return json.Unmarshal(value, key)
	}
	return nil
}

// isPlain reports whether a value is a string that stands for itself.
func isPlain(v jsontext.Value) bool {
	return v.Kind() == '"' && bytes.IndexByte(v, '\\') < 0 && utf8.Valid(v)
}

// isName reports whether a member's name, as it is written, is want in any case.
func isName(quoted jsontext.Value, want string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return bytes.EqualFold(quoted[1:len(quoted)-1], []byte(want))
	}
	name, err := jsontext.AppendUnquote(nil, quoted)
	return err == nil && strings.EqualFold(string(name), want)
}
