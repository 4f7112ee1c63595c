package automationanywhere

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// botValue is an input of a bot: its type, and the value under the type's name.
// Enterprise 11 has no word for the type.
type botValue struct {
	Type       string          `json:"type,omitempty"`
	String     *string         `json:"string,omitempty"`
	Number     json.RawMessage `json:"number,omitempty"`
	Boolean    json.RawMessage `json:"boolean,omitempty"`
	List       *[]botValue     `json:"list,omitempty"`
	Dictionary *[]botEntry     `json:"dictionary,omitempty"`
}

type botEntry struct {
	Key   string   `json:"key"`
	Value botValue `json:"value"`
}

// readInput gives a bot's inputs their types, by those that JSON has. name and
// wrong say what is not right.
func (a api) readInput(arguments job.Fields) (inputs map[string]botValue, name, wrong string) {
	inputs = make(map[string]botValue, len(arguments))
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		input, wrong := a.readValue(arguments[name])
		if wrong != "" {
			return nil, name, wrong
		}
		inputs[name] = input
	}
	return inputs, "", ""
}

func (a api) readValue(value json.RawMessage) (v botValue, wrong string) {
	typed := func(name string) string {
		if a.e11 {
			return ""
		}
		return name
	}
	switch values.First(value) {
	case '"':
		s, _ := text(value)
		return botValue{Type: typed("STRING"), String: &s}, ""
	case 't', 'f':
		return botValue{Type: typed("BOOLEAN"), Boolean: value}, ""
	case '[':
		list, wrong := a.readElements(value)
		return botValue{Type: typed("LIST"), List: &list}, wrong
	case '{':
		dictionary, wrong := a.readEntries(value)
		return botValue{Type: typed("DICTIONARY"), Dictionary: &dictionary}, wrong
	case 'n', 0:
		return botValue{}, "null is no value of a bot's input; leave it out"
	}
	return botValue{Type: typed("NUMBER"), Number: value}, ""
}

func (a api) readElements(value json.RawMessage) (list []botValue, wrong string) {
	var all []json.RawMessage
	if json.Unmarshal(value, &all) != nil {
		return nil, "must be a list"
	}
	list = make([]botValue, 0, len(all))
	for _, one := range all {
		v, wrong := a.readValue(one)
		if wrong != "" {
			return nil, wrong
		}
		list = append(list, v)
	}
	return list, ""
}

func (a api) readEntries(value json.RawMessage) (entries []botEntry, wrong string) {
	var all map[string]json.RawMessage
	if json.Unmarshal(value, &all) != nil {
		return nil, "must be an object"
	}
	entries = make([]botEntry, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		v, wrong := a.readValue(all[key])
		if wrong != "" {
			return nil, wrong
		}
		entries = append(entries, botEntry{key, v})
	}
	return entries, ""
}
