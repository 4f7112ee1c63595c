package config

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/request"
)

// preset reads what a route sets of a request, under fixed or defaults.
func (s *section) preset(key string) request.Preset {
	var out request.Preset
	s.section(key, func(s *section) {
		out = request.Preset{
			Action:    s.action(),
			Folder:    s.str("folder", ""),
			Queue:     s.str("queue", ""),
			Process:   s.str("process", ""),
			Priority:  choice(s, "priority", "", job.Low, job.Normal, job.High),
			Content:   s.fields("content"),
			Arguments: s.fields("arguments"),
			Options:   s.fields("options"),
		}
	})
	return out
}

// action is not to be confused with what a plan does, which begins with a capital.
func (s *section) action() job.Action {
	if n := s.get("action"); n != nil && n.kind == scalar && planAction.MatchString(n.text) && strings.ToLower(n.text) != n.text {
		s.wrong("action", "must be add_queue_item or start_job; what a plan shall do is options.action, beside start_job")
		return ""
	}
	return choice(s, "action", "", job.AddQueueItem, job.StartJob)
}

// allow reads what a message may set by itself.
func (s *section) allow() request.Allow {
	var out request.Allow
	s.section("allow", func(s *section) {
		out = request.Allow{
			Folders:   s.strs("folders"),
			Queues:    s.strs("queues"),
			Processes: s.strs("processes"),
			Options:   s.strs("options"),
		}
		s.list("plans", func(_ int, n *node, path string) {
			if n != nil && n.kind == scalar {
				s.problem(path, "must be a mapping; write plan: NAME, and beneath it actions: [...] where the plan may do more than "+readinessCheck)
				return
			}
			s.read(n, path, func(s *section) { out.Plans = append(out.Plans, s.plan()) })
		})
	})
	return out
}

// planAction is the name of an action: it becomes a part of a URL.
var planAction = regexp.MustCompile(`^[A-Za-z]+$`)

// readinessCheck is the one action that changes nothing.
const readinessCheck = "ReadinessCheck"

func (s *section) plan() request.Plan {
	s.requireText("plan", "give the plan's name or UUID")
	out := request.Plan{Plan: s.str("plan", ""), Actions: s.strs("actions")}
	for i, action := range out.Actions {
		path := index(s.at("actions"), i)
		switch {
		case action == "":
		case !planAction.MatchString(action):
			s.problem(path, "is not the name of an action; it has only letters, such as ReadinessCheck or Failover")
		case out.Plan == "*" && action != readinessCheck:
			s.problem(path, `is not for every plan: plan "*" is for ReadinessCheck only; name the plans that it is for`)
		}
	}
	return out
}

// fields is the mapping under key as JSON values, numbers as they were written.
func (s *section) fields(key string) job.Fields {
	n := s.get(key)
	if n == nil {
		return nil
	}
	if n.kind != mapping {
		s.wrong(key, "must be a mapping: lines of key: value")
		return nil
	}
	out := make(job.Fields, len(n.entries))
	for _, e := range n.entries {
		var b bytes.Buffer
		s.json(&b, e.value, join(s.at(key), e.key))
		out[e.key] = b.Bytes()
	}
	return out
}

// json writes n, which stands at path, to b.
func (r *reader) json(b *bytes.Buffer, n *node, path string) {
	switch n.kind {
	case mapping:
		b.WriteByte('{')
		for i, e := range n.entries {
			separate(b, i)
			b.Write(quote(e.key))
			b.WriteByte(':')
			r.json(b, e.value, join(path, e.key))
		}
		b.WriteByte('}')
	case sequence:
		b.WriteByte('[')
		for i, item := range n.items {
			separate(b, i)
			r.json(b, item, index(path, i))
		}
		b.WriteByte(']')
	case scalar:
		b.Write(r.jsonScalar(n, path))
	default:
		b.WriteString("null")
	}
}

func separate(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// jsonNumber is how JSON writes a number.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// notFinite are YAML's numbers that are none.
var notFinite = regexp.MustCompile(`^([+-]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)

// jsonScalar is a number, true or false where n is written as one without
// quotes, else text.
func (r *reader) jsonScalar(n *node, path string) []byte {
	if !n.plain {
		return quote(n.text)
	}
	value, isBoolean := booleans[n.text]
	switch {
	case isBoolean && value:
		return []byte("true")
	case isBoolean:
		return []byte("false")
	case jsonNumber.MatchString(n.text):
		return []byte(n.text)
	case token.ToNumber(n.text) != nil || notFinite.MatchString(n.text):
		r.problem(path, "is not a number as JSON writes it%s; put it in quotes to send it as text", origin(n))
	}
	return quote(n.text)
}

// quote is text as a JSON string; < > and & stay as they are.
func quote(text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
