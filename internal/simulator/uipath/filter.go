package uipath

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// expression is a parsed $filter: one of logical, negation, comparison and
// textTest.
type expression any

// logical is "left and right" or "left or right".
type logical struct {
	operator    string
	left, right expression
}

type negation struct{ of expression }

// comparison is "property operator literal".
type comparison struct {
	property string // in lower case: its case does not count
	operator string // eq, ne, gt, ge, lt or le
	value    literal
}

// textTest is contains, startswith or endswith of a property and a text.
type textTest struct {
	function string
	property string // in lower case
	text     string
}

const maxFilterDepth = 50

var (
	comparisonOperators = []string{"eq", "ne", "gt", "ge", "lt", "le"}
	textFunctions       = []string{"contains", "startswith", "endswith"}
)

// parseFilter reads a $filter that has been percent-decoded. It knows
// comparisons of a property with a literal, contains, startswith and endswith,
// and, or, not and parentheses. The names of properties are not looked up here.
func parseFilter(text string) (expression, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{tokens: tokens}
	e, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != endToken {
		return nil, fmt.Errorf("syntax error at %q", p.peek().text)
	}
	return e, nil
}

type filterParser struct {
	tokens []filterToken // the last one is the end
	at     int
}

func (p *filterParser) peek() filterToken { return p.tokens[p.at] }

func (p *filterParser) next() filterToken {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

func (p *filterParser) word(text string) bool {
	if t := p.peek(); t.kind == wordToken && t.text == text {
		p.at++
		return true
	}
	return false
}

func (p *filterParser) expect(kind tokenKind, what string) error {
	if t := p.next(); t.kind != kind {
		return fmt.Errorf("%s expected, not %q", what, t.text)
	}
	return nil
}

func (p *filterParser) either(depth int) (expression, error) {
	left, err := p.both(depth)
	for err == nil && p.word("or") {
		var right expression
		right, err = p.both(depth)
		left = logical{"or", left, right}
	}
	return left, err
}

func (p *filterParser) both(depth int) (expression, error) {
	left, err := p.single(depth)
	for err == nil && p.word("and") {
		var right expression
		right, err = p.single(depth)
		left = logical{"and", left, right}
	}
	return left, err
}

func (p *filterParser) single(depth int) (expression, error) {
	if depth > maxFilterDepth {
		return nil, errors.New("the expression is nested too deeply")
	}
	if p.word("not") {
		of, err := p.single(depth + 1)
		return negation{of}, err
	}
	t := p.next()
	switch {
	case t.kind == openToken:
		inner, err := p.either(depth + 1)
		if err != nil {
			return nil, err
		}
		return inner, p.expect(closeToken, ")")
	case t.kind == wordToken && p.peek().kind == openToken && slices.Contains(textFunctions, t.text):
		return p.function(t.text)
	case t.kind == wordToken && isIdentifier(t.text):
		return p.comparison(t.text)
	}
	return nil, fmt.Errorf("syntax error at %q", t.text)
}

func (p *filterParser) comparison(property string) (expression, error) {
	operator := p.next()
	if operator.kind != wordToken || !slices.Contains(comparisonOperators, operator.text) {
		return nil, fmt.Errorf("an operator was expected, not %q", operator.text)
	}
	value, err := readLiteral(p.next())
	return comparison{strings.ToLower(property), operator.text, value}, err
}

func (p *filterParser) function(name string) (expression, error) {
	p.at++ // (
	property := p.next()
	if property.kind != wordToken || !isIdentifier(property.text) {
		return nil, fmt.Errorf("a property was expected, not %q", property.text)
	}
	if err := p.expect(commaToken, "a comma"); err != nil {
		return nil, err
	}
	text := p.next()
	if text.kind != textToken {
		return nil, fmt.Errorf("a text was expected, not %q", text.text)
	}
	return textTest{name, strings.ToLower(property.text), text.text}, p.expect(closeToken, ")")
}

// nodes counts as the product's OData library does: an operator, a property of
// the row and a literal are four nodes with the row itself.
func nodes(e expression) int {
	switch e := e.(type) {
	case logical:
		return 1 + nodes(e.left) + nodes(e.right)
	case negation:
		return 1 + nodes(e.of)
	default:
		return 4
	}
}

// bounds gives texts of which a property must equal one if the expression is to
// hold, and whether there are such.
func bounds(e expression, property string) ([]string, bool) {
	switch e := e.(type) {
	case comparison:
		ok := e.property == property && e.operator == "eq" && e.value.kind == textLiteral
		return []string{e.value.text}, ok
	case logical:
		left, leftBound := bounds(e.left, property)
		right, rightBound := bounds(e.right, property)
		switch {
		case e.operator == "or":
			return append(left, right...), leftBound && rightBound
		case leftBound:
			return left, true
		default:
			return right, rightBound
		}
	default:
		return nil, false
	}
}
