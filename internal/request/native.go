package request

import (
	"encoding/json"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
)

// The UiPath native form is the body of AddQueueItem or StartJobs as the
// UiPath Orchestrator API guide shows it. Fields that a Queueferry request has
// too pass the same checks; Source is taken and left out, because Queueferry
// never sends it; all others become options under their own names.

var (
	itemKeys  = []string{"Name", "Priority", "SpecificContent", "DeferDate", "DueDate", "Reference", "Source"}
	startKeys = []string{"ReleaseName", "ReleaseKey", "Reference", "JobPriority", "InputArguments", "Source"}
)

// alone refuses a native key beside any other.
func (b *body) alone() *job.Outcome {
	switch {
	case b.item && b.start:
		return invalid("itemData, startInfo: only one of them can be in a message")
	case b.item && b.other != nil:
		return invalid("itemData: stands alone; remove %s beside it", quote(b.other))
	case b.start && b.other != nil:
		return invalid("startInfo: stands alone; remove %s beside it", quote(b.other))
	}
	return nil
}

// begin reads the kind of a native key's value: true for an object.
func (b *body) begin(field string) (bool, *job.Outcome) {
	k := b.kind()
	if k == '{' {
		return true, nil
	}
	if v := b.value(); v == nil || v[0] == 'n' {
		return false, nil
	}
	return false, wrongType(field, "an object", k)
}

func (b *body) itemData() *job.Outcome {
	if ok, stop := b.begin("itemData"); !ok {
		return stop
	}
	b.req.Action = job.AddQueueItem
	return b.members(func(name []byte) *job.Outcome {
		switch string(name) {
		case "Name":
			return b.setWord("itemData.Name", &b.req.Queue)
		case "Priority":
			return b.setNativePriority("itemData.Priority")
		case "SpecificContent":
			return b.setObject("itemData.SpecificContent", &b.req.Content)
		case "DeferDate":
			return b.setTime("itemData.DeferDate", &b.req.DeferUntil)
		case "DueDate":
			return b.setTime("itemData.DueDate", &b.req.DueBy)
		case "Reference":
			return b.setReference("itemData.Reference")
		case "Source":
			b.value()
			return nil
		}
		return b.option("itemData", name, itemKeys)
	})
}

func (b *body) startInfo() *job.Outcome {
	if ok, stop := b.begin("startInfo"); !ok {
		return stop
	}
	b.req.Action = job.StartJob
	return b.members(func(name []byte) *job.Outcome {
		switch string(name) {
		case "ReleaseName":
			return b.setRelease("startInfo.ReleaseName")
		case "ReleaseKey":
			return b.setRelease("startInfo.ReleaseKey")
		case "Reference":
			return b.setReference("startInfo.Reference")
		case "JobPriority":
			return b.setNativePriority("startInfo.JobPriority")
		case "InputArguments":
			return b.setInput("startInfo.InputArguments")
		case "Source":
			b.value()
			return nil
		}
		return b.option("startInfo", name, startKeys)
	})
}

// setRelease reads the process under one of its two names.
func (b *body) setRelease(field string) *job.Outcome {
	w, stop := b.word(field)
	if stop != nil || w == nil {
		return stop
	}
	if b.req.Process != "" {
		return invalid("startInfo: ReleaseName and ReleaseKey are both set; give one of them")
	}
	b.req.Process = string(w)
	return nil
}

// setNativePriority reads a priority as UiPath writes it, in any case.
func (b *body) setNativePriority(field string) *job.Outcome {
	w, stop := b.word(field)
	if stop != nil || w == nil {
		return stop
	}
	for _, p := range priorities {
		if strings.EqualFold(string(w), string(p)) {
			b.req.Priority = p
			return nil
		}
	}
	return invalid("%s: %s is none; expected Low, Normal or High", field, quote(w))
}

// setInput reads the job's input: a string that holds a JSON object, as UiPath
// takes it, or the object itself.
func (b *body) setInput(field string) *job.Outcome {
	switch k := b.kind(); k {
	case '{':
		return b.setObject(field, &b.req.Arguments)
	case '"', 'n', 0:
	default:
		b.value()
		return wrongType(field, "a string that holds a JSON object", k)
	}
	w, stop := b.text(field)
	if len(w) == 0 {
		return stop
	}
	r := open(w)
	defer r.release()
	if stop = r.beginObject(); stop == nil {
		b.req.Arguments, _ = r.object(field)
		r.end()
		stop = r.broken()
	}
	if stop != nil {
		return invalid("%s: must hold a JSON object: %s", field, stop.Detail)
	}
	return nil
}

// option keeps a field that only the connector understands. Null says nothing
// and is left out. A known field in the wrong case is taken for a typing error.
func (b *body) option(parent string, name []byte, known []string) *job.Outcome {
	v := b.value()
	if v == nil || v[0] == 'n' {
		return nil
	}
	for _, k := range known {
		if strings.EqualFold(k, string(name)) {
			return invalid("%s: unknown key %s; did you mean %q?", parent, quote(name), k)
		}
	}
	if b.req.Options == nil {
		b.req.Options = job.Fields{}
	}
	b.req.Options[string(name)] = json.RawMessage(v)
	return nil
}
