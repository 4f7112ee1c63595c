package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// tree builds nodes out of the parser's.
type tree struct {
	*reader
	anchors map[string]*node
	aliased int // values that aliases stand for so far
}

// node turns n, which stands at path, into a node of ours.
func (t *tree) node(n ast.Node, path string) *node {
	t.places[path] = placeOf(n)
	switch n := n.(type) {
	case *ast.MappingNode:
		return t.mapping(n.Values, path)
	case *ast.MappingValueNode:
		return t.mapping([]*ast.MappingValueNode{n}, path)
	case *ast.SequenceNode:
		return t.sequence(n, path)
	case *ast.AnchorNode:
		value := t.node(n.Value, path)
		t.anchors[n.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		return t.alias(n, path)
	case *ast.NullNode:
		return &node{kind: null, size: 1}
	case *ast.LiteralNode:
		return t.scalar(n.Value.Value, false, path)
	case *ast.StringNode:
		return t.scalar(n.Value, n.Token.Type == token.StringType, path)
	case *ast.TagNode:
		return t.broken(path, "has a YAML tag; remove it, and put text that begins with ! in quotes")
	case ast.ScalarNode:
		return t.scalar(n.GetToken().Value, true, path)
	}
	return t.broken(path, "is not a value; put text in quotes")
}

func (t *tree) broken(path, text string) *node {
	t.problem(path, "%s", text)
	return &node{kind: broken, size: 1}
}

func (t *tree) scalar(text string, plain bool, path string) *node {
	n := &node{kind: scalar, plain: plain, size: 1}
	var faults []string
	n.text, n.variables, faults = expand(text, t.env)
	for _, fault := range faults {
		n.kind = broken
		t.problem(path, "%s", fault)
	}
	return n
}

func (t *tree) sequence(n *ast.SequenceNode, path string) *node {
	out := &node{kind: sequence, size: 1}
	for i, item := range n.Values {
		value := t.node(item, index(path, i))
		out.items = append(out.items, value)
		out.size += value.size
	}
	return out
}

// alias does not name the anchor in its problems: a password that begins with
// an asterisk looks like one.
func (t *tree) alias(n *ast.AliasNode, path string) *node {
	target, ok := t.anchors[n.Value.GetToken().Value]
	if !ok {
		return t.broken(path, "is an alias, and no anchor of its name stands before it; put text that begins with * in quotes")
	}
	if t.aliased += target.size; t.aliased > maxAliased {
		return t.broken(path, "is an alias too many; aliases stand for too many values")
	}
	return target
}

func (t *tree) mapping(values []*ast.MappingValueNode, path string) *node {
	out := &node{kind: mapping, size: 1}
	first := map[string]place{}
	var merged []*node
	for _, v := range values {
		key, ok := keyOf(v.Key)
		if !ok {
			t.problemAt(placeOf(v.Key), path, "has a key that is not plain text")
			continue
		}
		if v.Key.IsMergeKey() {
			merged = append(merged, t.node(v.Value, join(path, key)))
			continue
		}
		at, below := placeOf(v.Key), join(path, key)
		if before, twice := first[key]; twice {
			t.problemAt(at, below, "is given twice; remove this one or the one in line %d", before.line)
			continue
		}
		first[key] = at
		value := t.node(v.Value, below)
		if value.kind == null {
			t.places[below] = at
		}
		out.entries = append(out.entries, entry{key, at, value})
		out.size += value.size
	}
	t.merge(out, merged, join(path, "<<"))
	return out
}

// merge adds to n what the mappings behind << hold and n does not.
func (t *tree) merge(n *node, from []*node, path string) {
	for _, m := range from {
		switch m.kind {
		case mapping:
			for _, e := range m.entries {
				if n.lookup(e.key) == nil {
					n.entries = append(n.entries, e)
					n.size += e.value.size
				}
			}
		case sequence:
			t.merge(n, m.items, path)
		case broken:
		default:
			t.problem(path, "merges something that is not a mapping; give it an alias of one, as in <<: *name")
		}
	}
}

// keyOf is the text of a mapping's key; an alias, an anchor or a tag is none.
func keyOf(key ast.Node) (string, bool) {
	switch key := key.(type) {
	case *ast.MappingKeyNode:
		return keyOf(key.Value)
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		return "", false
	case *ast.StringNode:
		return key.Value, true
	case *ast.LiteralNode:
		return key.Value.Value, true
	case ast.ScalarNode:
		return key.GetToken().Value, true
	}
	return "", false
}
