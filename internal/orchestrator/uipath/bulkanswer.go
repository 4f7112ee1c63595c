package uipath

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// bulkAnswer is BulkOperationResponseDto of the v20 definition; older servers
// write its members in lower case, which is the same to the decoder.
type bulkAnswer struct {
	Success     *bool
	FailedItems []struct {
		Ordinal   code // from 1; empty where the server does not know
		ErrorCode json.RawMessage
	}
}

// judge says of each item what the answer means for it.
func (b *bulk) judge(a orchestrator.Answer) {
	failed, all, ok := b.read(a)
	for i, t := range b.tries {
		why, refused := failed[i]
		switch {
		case !ok:
			*b.results[i] = withNames(all, t.Request)
		case refused:
			*b.results[i] = b.refused(t, all, why)
		default:
			*b.results[i] = all
			lookup.Take(&b.c.items, t.Request.ID, anonymousOf(t.Request))
		}
	}
}

// read tells which items failed, by their numbers from 0: all is the result of
// the others. Where ok is false it is the result of every item.
func (b *bulk) read(a orchestrator.Answer) (failed map[int]code, all orchestrator.Result, ok bool) {
	var answer bulkAnswer
	if !a.Succeeded() || json.Unmarshal(a.Body, &answer) != nil || answer.Success == nil {
		return nil, b.asWhole(a), false
	}
	failed = make(map[int]code, len(answer.FailedItems))
	all = orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: a.Status, Called: true}}
	for _, f := range answer.FailedItems {
		n, err := strconv.Atoi(string(f.Ordinal))
		if err != nil || n < 1 || n > len(b.tries) {
			return nil, vague(all, "the API refused an item of a batch, and does not tell which"), false
		}
		if _, known := failed[n-1]; !known {
			failed[n-1] = readCode(f.ErrorCode)
		}
	}
	switch {
	case *answer.Success && len(failed) > 0:
		return nil, vague(all, "the API says that a batch was added, and that items of it were not"), false
	case !*answer.Success && len(failed) == 0:
		return nil, vague(all, "the API says that a batch failed, and not which items did"), false
	}
	return failed, all, true
}

// vague is the result of every item where the answer does not tell them apart.
func vague(r orchestrator.Result, why string) orchestrator.Result {
	r.Verdict, r.Reason, r.Detail = job.Unknown, job.UnexpectedAnswer, why
	return r
}

// asWhole is the result of every item where the answer is none to a batch. A
// refusal judges nobody: any item may be the reason, and each goes alone next. So
// it is where nothing of that name is there: servers before 2019.10 do not have
// it, and what else may be wrong is told by the single call.
func (b *bulk) asWhole(a orchestrator.Answer) orchestrator.Result {
	r := b.c.refine(a, true)
	missing := r.Reason == job.UnexpectedAnswer && (a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed)
	switch {
	case missing:
		return orchestrator.Apart(orchestrator.Untold)
	case r.Verdict == job.Unavailable, r.Verdict == job.Unknown, a.Status == http.StatusForbidden:
		return r
	}
	return orchestrator.Apart(r.Health)
}

// refused is the result of one item that the API did not add. What its name for
// the error does not say, and who has taken the reference, the single call tells.
func (b *bulk) refused(t *orchestrator.Try, r orchestrator.Result, why code) orchestrator.Result {
	if number, ok := names[why]; ok {
		why = number
	}
	m, known := itemWords.meanings[why]
	r.ErrorCode = string(why)
	switch {
	case why == codeDuplicateReference && t.AcceptDuplicate:
		return duplicate(r, job.Receipt{})
	case why == codeDuplicateReference, !known:
		return orchestrator.Apart(r.Health)
	case why == codeItemNotFound:
		b.c.forgetQueue(t.Request)
	}
	r.Verdict, r.Reason, r.Detail = m.verdict, m.reason, m.detail
	return withNames(r, t.Request)
}

// anonymous is an item that was added in a batch, whose answer has no ids: it has
// the name of its reference. Another request of that reference, on a queue that
// takes both, must not take it for its own.
type anonymous string

func anonymousOf(r *job.Request) anonymous {
	q := keyOf(r.Folder, r.Queue)
	return anonymous(q.folder + "\x00" + q.queue + "\x00" + fold(r.Reference))
}

func (a anonymous) Names() []string { return []string{string(a)} }
