package uipath

import (
	"context"
	"strconv"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// jobDoubt is why a job is looked up.
const jobDoubt = "an earlier try may have started the job"

// lookUpJob finds out whether an earlier try of a request started its jobs. It
// reports true if they can be started: they certainly were not, or nobody can
// tell and the route wants it. Else the result says what became of them.
//
// StartJobs has no device against repetition, and that jobs can be filtered by
// their reference is not promised. So only a filter that was seen to work is
// believed when it finds nothing.
func (c *Connector) lookUpJob(ctx context.Context, t orchestrator.Try, asked int) (r orchestrator.Result, mayStart bool) {
	if wait := t.Settling(c.Settle); wait > 0 {
		return orchestrator.Later(job.Settling, wait, "an earlier try may still start the job: it is looked up when that is over"), false
	}
	seen, stop := c.jobLookUps.LookUp(ctx, group{folder: t.Request.Folder}, t.Request)
	if stop != nil {
		if stop.Wait == 0 {
			stop.Detail += "; " + jobDoubt
		}
		return *stop, false
	}
	found := seen.claim(t, asked, &c.jobs)
	if found.are(asked) && seen.filtered() {
		c.jobs.Trust()
	}
	why := found.unclear
	switch {
	case len(found.candidates) > 0:
		return c.foundJobs(seen, found, asked), false
	case why == "" && seen.young > 0:
		c.tell(orchestrator.Unclear)
		return orchestrator.Later(job.Settling, seen.young, jobDoubt+", and the list of jobs is not up to date yet"), false
	case why == "":
		why = seen.disbelief
	}
	if why != "" {
		return c.cannotTell(t, seen, why)
	}
	c.tell(orchestrator.Absent)
	return orchestrator.Result{}, true
}

// jobsFound are the jobs of a sighting that may be those of a request.
type jobsFound struct {
	candidates []jobRow
	// unclear says why it means nothing that there are no others; empty: it does.
	unclear string
}

// are reports whether they are as many as a request asked for; 0: any number.
func (f jobsFound) are(asked int) bool {
	n := len(f.candidates)
	return n > 0 && (n == asked || asked == 0)
}

// claim finds those of the request, and takes them for it if they are as many as
// it asked for.
func (s jobSighting) claim(t orchestrator.Try, asked int, book *lookup.Book) jobsFound {
	found := s.sort(t, book)
	for found.are(asked) && !lookup.Take(&book.Owners, t.Request.ID, found.candidates...) {
		found = s.sort(t, book) // another request has taken one in between
	}
	return found
}

// sort finds those of the request, and leaves out what belongs to another.
func (s jobSighting) sort(t orchestrator.Try, book *lookup.Book) (found jobsFound) {
	sought, sawDoubtful := s.sought(t), false
	for _, row := range lookup.NotOfOthers(&book.Owners, t.Request.ID, s.rows) {
		switch sought.fits(row) {
		case candidate:
			found.candidates = append(found.candidates, row)
		case doubtful:
			sawDoubtful = true
		case another:
		}
	}
	switch {
	case s.refused != "":
		found.unclear = s.refused
	case s.foreign:
		found.unclear = "the API does not filter jobs by their reference"
	case sawDoubtful:
		found.unclear = "there is a job of the same reference that may or may not be its own"
	case s.full:
		found.unclear = "there are too many jobs of the same reference"
	}
	return found
}

// foundJobs decides about candidates. What was started is never started again,
// whatever the route says of what nobody knows.
func (c *Connector) foundJobs(seen jobSighting, found jobsFound, asked int) orchestrator.Result {
	n := len(found.candidates)
	r := orchestrator.Result{Health: orchestrator.Well}
	r.Status = seen.status
	switch {
	case found.are(asked):
		c.tell(orchestrator.Found)
		r.Verdict, r.Receipt = job.Duplicate, found.candidates[n-1].receipt()
		return r
	case n < asked && found.unclear == "":
		r.Detail = partly(n, asked)
	default:
		r.Detail = "there are " + strconv.Itoa(n) + " jobs of the same reference since the first try, where " + strconv.Itoa(asked) +
			" were asked for, so none is started again; look for the reference among the folder's jobs"
	}
	c.tell(orchestrator.Unclear)
	r.Verdict, r.Reason = job.Unknown, job.UnknownOutcome
	return r
}

// cannotTell ends a look-up that does not tell.
func (c *Connector) cannotTell(t orchestrator.Try, seen jobSighting, why string) (r orchestrator.Result, mayStart bool) {
	c.tell(orchestrator.Unclear)
	r.Health, r.Status = orchestrator.Well, seen.status
	r.Verdict, r.Reason = job.Unknown, job.UnknownOutcome
	r.Detail = jobDoubt + ", and it cannot be told whether it did: " + why + "; look for the reference among the folder's jobs"
	return r, t.Resend
}
