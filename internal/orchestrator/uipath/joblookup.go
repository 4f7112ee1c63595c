package uipath

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

const (
	// jobPage is how many jobs a look-up asks for.
	jobPage = 100
	// clockSlack is by how much the server's clock, as its answers tell it in
	// whole seconds, may be off.
	clockSlack = 2 * time.Second
)

// lookUpJob finds out whether an earlier try of a request started its jobs. It
// reports true if they can be started: they certainly were not, or nobody can
// tell and the route wants it. Else the result says what became of them.
//
// StartJobs has no device against repetition, and that jobs can be filtered by
// their reference is not promised. So only a filter that was seen to work is
// believed when it finds nothing.
func (c *Connector) lookUpJob(ctx context.Context, t orchestrator.Try, asked int) (r orchestrator.Result, mayStart bool) {
	if wait := c.settling(t); wait > 0 {
		return later(job.Settling, wait, "an earlier try may still start the job: it is looked up when that is over"), false
	}
	if wait := c.budget.take(time.Now()); wait > 0 {
		return later(job.LookUpsLimited, wait, "an earlier try may have started the job, and the look-ups of this minute are spent"), false
	}
	proof, trusted := c.jobs.proof(t.Request.Folder)
	a := c.askForJobs(ctx, t.Request, proof.reference)
	rows, ok := readList[jobRow](a)
	if !ok {
		return c.jobLookUpFailed(a, t)
	}
	c.budget.answered()
	page := sortJobs(rows, sought(t, a, proof.reference), &c.jobs)
	if r, done := c.foundJobs(page, t.Request, asked); done {
		r.Status = a.Status
		return r, false
	}
	why := page.unclear()
	if why == "" {
		var young time.Duration
		if why, young = c.disbelief(rows, t.Request.Folder, proof, trusted); young > 0 {
			c.jobLookedUp(Unclear)
			return later(job.Settling, young, "an earlier try may have started the job, and the list of jobs is not up to date yet"), false
		}
	}
	if why != "" {
		return c.cannotTell(t, a, why)
	}
	c.jobLookedUp(Absent)
	return orchestrator.Result{}, true
}

// disbelief says why a look-up that finds nothing is not believed; empty if it
// is. The look-up asked for a job that is there, too, if one is known: young is
// how long it may still be missing from the list without a meaning.
func (c *Connector) disbelief(rows []jobRow, folder string, proof jobProof, trusted bool) (why string, young time.Duration) {
	proven := proof != jobProof{}
	young = time.Until(proof.at.Add(c.Settle))
	switch {
	case proven && slices.ContainsFunc(rows, func(row jobRow) bool { return row.is(proof.receipt) }):
		c.jobs.trust()
		return "", 0
	case proven && young <= 0:
		c.jobs.distrust(folder, proof)
		return "the list of jobs does not show one that was started", 0
	case trusted:
		return "", 0
	case proven:
		return "", young
	}
	return "no look-up has found a job by its reference yet, so that to find none says nothing", 0
}

func (c *Connector) askForJobs(ctx context.Context, r *job.Request, proof string) orchestrator.Answer {
	filter := "Reference eq " + quote(r.Reference)
	if proof != "" && proof != r.Reference {
		filter += " or Reference eq " + quote(proof)
	}
	return c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetJobs", Method: http.MethodGet,
		Path: "/odata/Jobs" + query("$filter", filter, "$select", "Id,Key,Reference,ReleaseName,CreationTime,InputArguments",
			"$orderby", "Id desc", "$top", strconv.Itoa(jobPage)),
		Header: c.header(r.Folder),
	})
}

// sought is what the answer is searched for. Its Date header tells the server's
// clock.
func sought(t orchestrator.Try, a orchestrator.Answer, proof string) jobSought {
	s := jobSought{Request: t.Request, anyTime: t.FirstTry.IsZero(), proof: proof}
	if now, err := http.ParseTime(a.Header.Get("Date")); err == nil && !s.anyTime {
		s.notBefore = now.Add(-time.Since(t.FirstTry) - clockSlack)
	}
	return s
}

// jobsPage is a look-up's page, sorted.
type jobsPage struct {
	candidates              []jobRow
	full, foreign, doubtful bool
}

func sortJobs(rows []jobRow, s jobSought, book *jobBook) jobsPage {
	page := jobsPage{full: len(rows) >= jobPage}
	for _, row := range rows {
		fits := s.fits(row)
		if fits != foreign && book.another(s.ID, row) {
			continue
		}
		switch fits {
		case candidate:
			page.candidates = append(page.candidates, row)
		case doubtful:
			page.doubtful = true
		case foreign:
			page.foreign = true
		}
	}
	return page
}

// unclear says why a page without candidates does not tell that there is no
// job; empty if it does.
func (p jobsPage) unclear() string {
	switch {
	case p.foreign:
		return "the API does not filter jobs by their reference"
	case p.doubtful:
		return "there is a job of the same reference that may or may not be its own"
	case p.full:
		return "there are too many jobs of the same reference"
	}
	return ""
}

// foundJobs decides about candidates; done is false if there are none. What was
// started is never started again, whatever the route says of what nobody knows.
func (c *Connector) foundJobs(page jobsPage, r *job.Request, asked int) (result orchestrator.Result, done bool) {
	n := len(page.candidates)
	result.Health = orchestrator.Well
	switch {
	case n == 0:
		return result, false
	case (n == asked || asked == 0) && c.jobs.take(r.ID, page.candidates):
		c.jobLookedUp(Found)
		result.Verdict, result.Receipt = job.Duplicate, page.candidates[n-1].receipt()
		return result, true
	case n < asked && page.unclear() == "":
		result.Detail = partly(n, asked)
	default:
		result.Detail = "there are " + strconv.Itoa(n) + " jobs of the same reference since the first try, where " + strconv.Itoa(asked) +
			" were asked for, so none is started again; look for the reference among the folder's jobs"
	}
	c.jobLookedUp(Unclear)
	result.Verdict, result.Reason = job.Unknown, job.UnknownOutcome
	return result, true
}

// jobLookUpFailed is for an answer that is no list. A refusal of the look-up
// itself will not pass by waiting.
func (c *Connector) jobLookUpFailed(a orchestrator.Answer, t orchestrator.Try) (orchestrator.Result, bool) {
	r := jobWords.refine(a, false)
	if r.Health == orchestrator.Well {
		c.budget.answered()
	}
	const doubt = "; an earlier try may have started the job"
	refused := r.Verdict == job.Rejected || r.Reason == job.Forbidden && r.ErrorCode != codeInvalidFolder
	switch {
	case r.Health == orchestrator.Throttled:
		c.jobLookedUp(Failed)
		c.budget.throttled(time.Now(), r.RetryAfter)
		wait := later(job.LookUpsLimited, c.budget.take(time.Now()), "the API asks for fewer look-ups"+doubt)
		wait.Status = a.Status
		return wait, false
	case refused:
		return c.cannotTell(t, a, "the look-up was refused: "+r.Detail)
	}
	c.jobLookedUp(Failed)
	r.Detail += doubt
	return r, false
}

// cannotTell ends a look-up that does not tell.
func (c *Connector) cannotTell(t orchestrator.Try, a orchestrator.Answer, why string) (r orchestrator.Result, mayStart bool) {
	c.jobLookedUp(Unclear)
	r.Health, r.Status = orchestrator.Well, a.Status
	r.Verdict, r.Reason = job.Unknown, job.UnknownOutcome
	r.Detail = "an earlier try may have started the job, and it cannot be told whether it did: " + why +
		"; look for the reference among the folder's jobs"
	return r, t.Resend
}

func (c *Connector) jobLookedUp(l LookUp) {
	if c.LookedUp != nil {
		c.LookedUp(l)
	}
}
