package uipath

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// submitJob starts a job, unless an earlier try of the request may have: then
// it finds that out first.
func (c *Connector) submitJob(ctx context.Context, t *orchestrator.Try) orchestrator.Result {
	s, field, wrong := newStart(t.Request)
	if wrong != "" {
		return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, field+": "+wrong)}
	}
	if t.Again {
		if r, mayStart := c.lookUpJob(ctx, *t, s.jobs); !mayStart {
			return r
		}
	}
	return c.startJob(ctx, *t, s)
}

func (c *Connector) startJob(ctx context.Context, t orchestrator.Try, s jobStart) orchestrator.Result {
	r := t.Request
	key, remembered, none := c.releaseKey(ctx, r)
	if key == "" {
		return none
	}
	body, err := s.body(key)
	if err != nil {
		return orchestrator.Result{Outcome: job.Reject(job.InvalidRequest, "options: cannot be written as JSON")}
	}
	if none, lost := t.Lost(); lost {
		return none
	}
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: "StartJobs", Method: http.MethodPost, Path: "/odata/Jobs/UiPath.Server.Configuration.OData.StartJobs",
		Header: c.header(r.Folder), Body: body, Acts: true,
	})
	if rows, ok := readList[jobRow](a); ok && receipts(rows) {
		return c.started(r, rows, s.jobs, a.Status)
	}
	result := withNames(jobWords.refine(a, true), t.Request)
	switch {
	case result.Verdict == job.Rejected && result.Reason == job.NotFound:
		c.releases.Forget(releaseOf(r), key)
		if remembered {
			result.Verdict, result.Reason = job.Deferred, ""
			result.Detail = "process: the API does not know its key any more; the next try asks for it anew"
		}
	case result.Verdict == job.Deferred && licenses[code(result.ErrorCode)] && !r.FolderFromRoute:
		// Not the message's folder is at fault: to wait costs it no attempt.
		result.Verdict, result.Reason = job.Busy, ""
	case s.jobs != 1 && a.Status == http.StatusConflict && !jobWords.knows(result.ErrorCode):
		// It may be PartiallyCreatedJobs, of which no number is known.
		result.Verdict, result.Reason = job.Unknown, job.UnknownOutcome
		result.Detail += "; a part of the jobs may have been started, so none is started again; look for the reference among the folder's jobs"
	}
	return result
}

// licenses are the errors by which the orchestrator starts no job for anyone.
var licenses = map[code]bool{nameLicenseExpired: true, nameUnregistered: true}

func (w words) knows(c string) bool {
	_, ok := w.meanings[code(c)]
	return ok
}

// started is the result of an answer that names the jobs it made.
func (c *Connector) started(r *job.Request, rows []jobRow, asked, status int) orchestrator.Result {
	lookup.Take(&c.jobs.Owners, r.ID, rows...)
	result := orchestrator.Result{Health: orchestrator.Well, Outcome: job.Outcome{
		Verdict: job.Delivered, Status: status, Receipt: rows[0].receipt(), Called: true,
	}}
	if len(rows) < asked {
		result.Verdict, result.Reason = job.Unknown, job.UnknownOutcome
		result.Detail = partly(len(rows), asked)
		return result
	}
	if len(rows) == 1 { // several would fill the page that they are to prove
		c.proves(r, rows[0], time.Now())
	}
	return result
}

func partly(n, asked int) string {
	return strconv.Itoa(n) + " of the " + strconv.Itoa(asked) + " jobs were started, so none is started again; start what is missing by hand"
}
