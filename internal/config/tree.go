package config

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxAliased bounds how many values aliases may stand for in all.
const maxAliased = 100_000

// kind tells what a node is.
type kind int

const (
	broken kind = iota // a problem was reported: ask nothing of it
	null
	scalar
	mapping
	sequence
)

// node is a value of the file, with variables expanded and aliases resolved.
// Nodes are shared where an alias names them, so they do not know their path.
type node struct {
	kind      kind
	text      string   // of a scalar
	plain     bool     // a scalar without quotes
	variables []string // that the text of a scalar was expanded from
	entries   []entry  // of a mapping, in the order of the file
	items     []*node  // of a sequence
	size      int      // number of nodes, itself included
}

// entry is one key of a mapping.
type entry struct {
	key   string
	at    place // of the key
	value *node
}

func (n *node) lookup(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// parse turns the file into a tree. It returns nil if there is none, with the
// problem noted.
func (r *reader) parse(data []byte) *node {
	body := r.document(data)
	if body == nil {
		return nil
	}
	t := &tree{reader: r, anchors: map[string]*node{}}
	root := t.node(body, "")
	if root.kind != mapping {
		r.problem("", "is not a mapping; write keys such as connections: and routes:, see configs/quickstart.yaml")
		return nil
	}
	return root
}

// document is the one YAML document in data.
func (r *reader) document(data []byte) ast.Node {
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	if len(data) > maxSize {
		r.problem("", "is larger than %d bytes; this cannot be a configuration", maxSize)
		return nil
	}
	if !utf8.Valid(data) {
		r.problemAt(firstInvalid(data), "", "is not UTF-8 text; save the file with that encoding")
		return nil
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	return r.only(file.Docs)
}

// firstInvalid is the place of the first byte that is not UTF-8.
func firstInvalid(data []byte) place {
	at := place{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return at
		case r == '\n':
			at = place{at.line + 1, 1}
		default:
			at.column++
		}
		data = data[size:]
	}
	return at
}

// only is the body of the one document that has one.
func (r *reader) only(docs []*ast.DocumentNode) ast.Node {
	var found ast.Node
	for _, doc := range docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body == nil || directive {
			continue
		}
		if found != nil {
			r.problemAt(placeOf(doc.Body), "", "holds several documents; keep one, without a --- line inside")
			return nil
		}
		found = doc.Body
	}
	if found == nil {
		r.problem("", "is empty; it needs at least connections: and routes:, see configs/quickstart.yaml")
	}
	return found
}

// quoted finds what the parser quotes of the file, which may be a secret.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.){2,}"`)

func (r *reader) syntax(err error) {
	at, text := place{1, 1}, "cannot be understood"
	if e, ok := errors.AsType[yaml.Error](err); ok {
		at, text = placeOfToken(e.GetToken()), printable(quoted.ReplaceAllString(e.GetMessage(), "(not shown)"))
	}
	r.problemAt(at, "", "is not YAML: %s; check the indentation, and put text with special characters in quotes, "+
		`inside {} and [] also "${NAME}"`, text)
}

// printable is text with control characters made visible.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '␣'
		}
		return r
	}, strings.ReplaceAll(text, "\t", `\t`))
}

func placeOfToken(tk *token.Token) place {
	if tk == nil || tk.Position == nil {
		return place{1, 1}
	}
	return place{max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}

// placeOf is where n begins: a mapping without braces at its first key.
func placeOf(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return placeOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return placeOf(n.Key)
	}
	return placeOfToken(n.GetToken())
}
