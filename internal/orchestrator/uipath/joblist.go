package uipath

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
)

// jobSighting is what a list of jobs showed of one reference.
type jobSighting struct {
	rows []jobRow // of the reference, in any case
	jobsPage
}

// jobsPage is what a list of jobs says as a whole.
type jobsPage struct {
	status  int
	refused string        // why the API gave none
	full    bool          // there may be more of the references asked for
	foreign bool          // it has jobs that were not asked for
	ahead   time.Duration // of the server's clock
	// disbelief says why it means nothing that a job is not there; empty: it means
	// that there is none, once young has passed.
	disbelief string
	young     time.Duration
}

// filtered reports whether the page shows nothing against the API's filter.
func (p jobsPage) filtered() bool {
	return p.refused == "" && !p.foreign && p.disbelief != proofMissing
}

const proofMissing = "the list of jobs does not show one that was started"

func (c *Connector) newJobLookUps() *lookup.LookUps[group, jobSighting] {
	return lookup.New(lookup.Settings[group, jobSighting]{
		// One seat is for the proof.
		Budget: c.budget, Doubt: jobDoubt, Seats: mostReferences - 1, Room: longestFilter - maxProofReference, Length: filterLength,
		// Whether the API minds the case of a reference is not known.
		Same: func(reference string) string { return reference },
		List: c.listJobs, Tell: c.tell,
	})
}

// listJobs asks the folder for jobs by their references, and for one that must be
// there.
func (c *Connector) listJobs(ctx context.Context, of group, references []string) (seen map[string]jobSighting, cut bool, stop *orchestrator.Result) {
	proof, trusted := c.jobs.Proof(of.folder)
	asked := references
	if proof.Reference != "" && !slices.Contains(asked, proof.Reference) {
		asked = append(slices.Clip(asked), proof.Reference)
	}
	began := time.Now()
	a := c.askForJobs(ctx, of.folder, asked)
	rows, ok := readList[jobRow](a)
	page := jobsPage{status: a.Status, full: !ok || !whole(a, len(rows))}
	if !ok && !lookup.TooLong(a) {
		page.full = false
		page.refused, stop = c.unlistedJobs(a)
		return lookup.Alike(references, jobSighting{jobsPage: page}), false, stop
	}
	c.budget.Answered()
	byReference, foreign := sortJobs(asked, rows)
	page.foreign = foreign
	page.ahead = lookup.Ahead(a, began, time.Now())
	if page.full && crowds(proof, references, byReference) {
		return c.listWithout(ctx, of, references, proof)
	}
	if !page.full && !foreign {
		page.disbelief, page.young = c.disbelief(rows, of.folder, proof, trusted)
	}
	seen = make(map[string]jobSighting, len(references))
	for _, reference := range references {
		seen[reference] = jobSighting{byReference[reference], page}
	}
	return seen, page.full && !foreign, nil
}

// crowds reports whether the proof's reference has so many jobs that they hide
// others: it proves nothing then.
func crowds(proof lookup.Proof, references []string, byReference map[string][]jobRow) bool {
	return len(byReference[proof.Reference]) > 1 && !slices.Contains(references, proof.Reference)
}

// listWithout asks again, with another look-up of the budget.
func (c *Connector) listWithout(ctx context.Context, of group, references []string, proof lookup.Proof) (seen map[string]jobSighting, cut bool, stop *orchestrator.Result) {
	c.jobs.Drop(of.folder, proof)
	if wait := c.budget.Take(time.Now()); wait > 0 {
		return nil, false, c.jobLookUps.Limited(wait)
	}
	return c.listJobs(ctx, of, references)
}

func (c *Connector) askForJobs(ctx context.Context, folder string, references []string) orchestrator.Answer {
	return c.Client.Do(ctx, orchestrator.Call{
		Operation: "GetJobs", Method: http.MethodGet,
		Path: "/odata/Jobs" + query("$filter", anyReference(references), "$select", "Id,Key,Reference,ReleaseName,CreationTime,InputArguments",
			"$orderby", "Id desc", "$top", strconv.Itoa(mostRows)),
		Header: c.header(folder),
	})
}

// sortJobs gives each reference its jobs, and those whose reference differs in
// case alone: the server may have changed it. It may as well ignore the filter:
// foreign tells that there were jobs of another reference.
func sortJobs(references []string, rows []jobRow) (byReference map[string][]jobRow, foreign bool) {
	byReference = map[string][]jobRow{}
	for _, row := range rows {
		asked := false
		for _, reference := range references {
			if strings.EqualFold(reference, row.Reference) {
				byReference[reference] = append(byReference[reference], row)
				asked = true
			}
		}
		foreign = foreign || !asked
	}
	return byReference, foreign
}

// disbelief says why a list that does not show a job is not believed; empty if it
// is. The proof, if there is one, was asked for, too: young is how long it may
// still be missing without a meaning.
func (c *Connector) disbelief(rows []jobRow, folder string, proof lookup.Proof, trusted bool) (why string, young time.Duration) {
	shown := slices.ContainsFunc(rows, func(row jobRow) bool { return row.is(proof.Receipt) })
	belief, young := c.jobs.Judge(folder, proof, trusted, shown, c.Settle)
	switch belief {
	case lookup.Missing:
		return proofMissing, 0
	case lookup.Unproven:
		return "no look-up has found a job by its reference yet, so that to find none says nothing", 0
	}
	return "", young
}

// maxProofReference is what the address of a look-up has room for beside the
// references looked for: it bounds the proof's, in bytes as they stand in the
// filter.
const maxProofReference = 400

// proves notes a start that the API confirmed: look-ups in its folder must find it.
func (c *Connector) proves(r *job.Request, row jobRow, now time.Time) {
	if filterLength(r.Reference) <= maxProofReference {
		c.jobs.Delivered(r.Folder, lookup.Proof{Reference: r.Reference, Receipt: row.receipt(), At: now})
	}
}

// unlistedJobs is what an answer without a list means. A refusal of the look-up
// itself will not pass by waiting.
func (c *Connector) unlistedJobs(a orchestrator.Answer) (refused string, stop *orchestrator.Result) {
	r := jobWords.refine(a, false)
	if r.Health == orchestrator.Well {
		c.budget.Answered()
	}
	if r.Verdict == job.Rejected || r.Reason == job.Forbidden && r.ErrorCode != codeInvalidFolder {
		return "the look-up was refused: " + r.Detail, nil
	}
	return "", &r
}
