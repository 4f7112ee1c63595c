package uipath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

type tokenKind int

const (
	endToken   tokenKind = iota
	wordToken            // a name, a number, a date, a GUID, true, false, null
	textToken            // 'quoted', with the quotes taken off
	openToken            // (
	closeToken           // )
	commaToken           // ,
)

type filterToken struct {
	kind tokenKind
	text string
}

// lex cuts a filter into tokens, the last of which is the end. Words and texts
// that follow one another must have a space between them.
func lex(filter string) ([]filterToken, error) {
	var tokens []filterToken
	for i := 0; i < len(filter); {
		switch b := filter[i]; {
		case b == ' ':
			i++
		case b == '(' || b == ')' || b == ',':
			tokens = append(tokens, filterToken{punctuation[b], string(b)})
			i++
		case b == '\'':
			text, length, err := unquote(filter[i:])
			if err != nil {
				return nil, err
			}
			tokens = append(tokens, filterToken{textToken, text})
			i += length
			if i < len(filter) && !strings.ContainsRune(" ),", rune(filter[i])) {
				return nil, fmt.Errorf("syntax error at position %d", i)
			}
		case isWordByte(b):
			end := i
			for end < len(filter) && isWordByte(filter[end]) {
				end++
			}
			tokens = append(tokens, filterToken{wordToken, filter[i:end]})
			i = end
			if i < len(filter) && !strings.ContainsRune(" (),", rune(filter[i])) {
				return nil, fmt.Errorf("syntax error at position %d", i)
			}
		default:
			return nil, fmt.Errorf("syntax error at position %d", i)
		}
	}
	return append(tokens, filterToken{kind: endToken}), nil
}

var punctuation = map[byte]tokenKind{'(': openToken, ')': closeToken, ',': commaToken}

// unquote reads a text in single quotes at the beginning of s, in which a quote
// is written twice. It gives the text and how many bytes it took.
func unquote(s string) (text string, length int, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, nil
	}
	return "", 0, errors.New("there is an unterminated string literal")
}

func isWordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_.:+-", b) >= 0
}

func isIdentifier(word string) bool {
	for i := range len(word) {
		letter := word[i] >= 'a' && word[i] <= 'z' || word[i] >= 'A' && word[i] <= 'Z' || word[i] == '_'
		if !letter && (i == 0 || word[i] < '0' || word[i] > '9') {
			return false
		}
	}
	return word != "" && word != "true" && word != "false" && word != "null"
}

type literalKind int

const (
	nullLiteral literalKind = iota
	textLiteral
	numberLiteral
	boolLiteral
	dateLiteral
	guidLiteral
)

// literal is a constant of a filter.
type literal struct {
	kind   literalKind
	text   string // of a text, and of a GUID
	number float64
	whole  int64 // the number, if it is whole
	truth  bool
	date   time.Time
}

func readLiteral(t filterToken) (literal, error) {
	if t.kind == textToken {
		return literal{kind: textLiteral, text: t.text}, nil
	}
	if t.kind != wordToken {
		return literal{}, fmt.Errorf("a value was expected, not %q", t.text)
	}
	switch t.text {
	case "null":
		return literal{kind: nullLiteral}, nil
	case "true", "false":
		return literal{kind: boolLiteral, truth: t.text == "true"}, nil
	}
	if isKey(t.text) {
		return literal{kind: guidLiteral, text: t.text}, nil
	}
	if whole, err := strconv.ParseInt(t.text, 10, 64); err == nil && t.text[0] != '+' {
		return literal{kind: numberLiteral, number: float64(whole), whole: whole}, nil
	}
	if number, err := strconv.ParseFloat(t.text, 64); err == nil && isNumeric(t.text) {
		return literal{kind: numberLiteral, number: number, whole: int64(number)}, nil
	}
	if date, err := time.Parse(time.RFC3339Nano, t.text); err == nil {
		return literal{kind: dateLiteral, date: date}, nil
	}
	return literal{}, fmt.Errorf("the value %q is not recognized", t.text)
}

// isNumeric keeps out what ParseFloat takes for a number and OData does not.
func isNumeric(word string) bool {
	return strings.Trim(word, "0123456789.eE+-") == "" && word[0] != '+' && word[0] != '.'
}
