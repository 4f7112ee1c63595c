package automationanywhere

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// inputTypes are those of a bot's variables.
var inputTypes = []string{"STRING", "NUMBER", "BOOLEAN", "LIST", "DICTIONARY", "DATETIME"}

// botInput are the values of the variables of a bot, as they came.
type botInput map[string]jsontext.Value

// fits reports whether every value belongs to an input of the bot and is of its
// type (Automation 360, Bot deploy).
func (b botInput) fits(inputs map[string]string) bool {
	for name, value := range b {
		if kind, ok := typedValue(value); !ok || inputs[name] != kind {
			return false
		}
	}
	return true
}

// typedValue reads {"type": T, "t": value}, with these two members and no other.
func typedValue(text jsontext.Value) (kind string, ok bool) {
	var members map[string]jsontext.Value
	if json.Unmarshal(text, &members) != nil || len(members) != 2 || json.Unmarshal(members["type"], &kind) != nil {
		return "", false
	}
	value := members[strings.ToLower(kind)]
	if kind == "DATETIME" && value == nil {
		// The rule names the member after the type, the example for dates says string.
		value = members["string"]
	}
	return kind, value != nil && slices.Contains(inputTypes, kind) && isOf(kind, value)
}

// isOf reports whether a value is of a type of variables.
func isOf(kind string, value jsontext.Value) bool {
	switch kind {
	case "STRING":
		return value.Kind() == '"'
	case "NUMBER":
		return value.Kind() == '0'
	case "BOOLEAN":
		return value.Kind() == 't' || value.Kind() == 'f'
	case "DATETIME":
		var text string
		if value.Kind() != '"' || json.Unmarshal(value, &text) != nil {
			return false
		}
		instant, _, _ := strings.Cut(text, "[") // a zone's name may follow
		_, err := time.Parse(time.RFC3339Nano, instant)
		return err == nil
	case "LIST":
		return isList(value)
	default:
		return isDictionary(value)
	}
}

func isList(value jsontext.Value) bool {
	var entries []jsontext.Value
	if value.Kind() != '[' || json.Unmarshal(value, &entries) != nil {
		return false
	}
	return !slices.ContainsFunc(entries, func(entry jsontext.Value) bool {
		_, ok := typedValue(entry)
		return !ok
	})
}

func isDictionary(value jsontext.Value) bool {
	var entries []struct {
		Key   *string        `json:"key"`
		Value jsontext.Value `json:"value"`
	}
	if value.Kind() != '[' || json.Unmarshal(value, &entries, json.RejectUnknownMembers(true)) != nil {
		return false
	}
	for _, entry := range entries {
		if _, ok := typedValue(entry.Value); entry.Key == nil || !ok {
			return false
		}
	}
	return true
}

// botVariables are the values of the variables of a bot of Enterprise 11.
type botVariables map[string]jsontext.Value

// fits reports whether every value belongs to an input of the bot (Enterprise 11,
// Bot deploy). The only form documented is {"string": text}; typed allows a
// number, a boolean and so on under the name of its type.
func (b botVariables) fits(inputs map[string]string, typed bool) bool {
	for name, value := range b {
		var members map[string]jsontext.Value
		kind, known := inputs[name]
		if !known || json.Unmarshal(value, &members) != nil || len(members) != 1 {
			return false
		}
		if text := members["string"]; text != nil {
			if text.Kind() != '"' {
				return false
			}
			continue
		}
		if value := members[strings.ToLower(kind)]; !typed || value == nil || !isOf(kind, value) {
			return false
		}
	}
	return true
}
