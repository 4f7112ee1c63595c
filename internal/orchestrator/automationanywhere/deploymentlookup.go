package automationanywhere

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

const (
	jobDoubt = "an earlier try may have started the bot"
	jobHint  = "look for the reference among the activities"
)

// deploymentRow is what is used of an activity. A deployment to several users has
// one for each.
type deploymentRow struct {
	receipt job.Receipt
	name    string
	bot     string
	began   time.Time // zero: not told
}

// UnmarshalJSON takes a row. A member that is not what it should be counts as
// missing.
func (d *deploymentRow) UnmarshalJSON(b []byte) error {
	var row struct {
		DeploymentID   values.Code     `json:"deploymentId"`
		AutomationID   values.Code     `json:"automationId"`
		FileID         values.Code     `json:"fileId"`
		AutomationName json.RawMessage `json:"automationName"`
		StartDateTime  json.RawMessage `json:"startDateTime"`
	}
	if err := json.Unmarshal(b, &row); err != nil {
		return err
	}
	began, _ := text(row.StartDateTime)
	*d = deploymentRow{receipt: receiptBy(row.DeploymentID, row.AutomationID), bot: string(row.FileID), began: instant(began)}
	d.name, _ = text(row.AutomationName)
	return nil
}

// Names are those of its receipt.
func (d deploymentRow) Names() []string { return lookup.NamesOf(d.receipt) }

// is reports whether two rows, or a row and a receipt, are of one deployment.
func (d deploymentRow) is(r job.Receipt) bool {
	if d.receipt.Key != "" && r.Key != "" {
		return d.receipt.Key == r.Key
	}
	return d.receipt.ID != "" && d.receipt.ID == r.ID
}

// deploymentSighting is what the list of activities showed of one reference.
type deploymentSighting struct {
	rows   []deploymentRow // one of each deployment
	status int
	ahead  time.Duration // of the server's clock
	// unclear says why there may be more than these; empty: there are none, if the
	// list is believed.
	unclear string
	// disbelief says why it means nothing that one is not there; empty: it means
	// that there is none, once young has passed.
	disbelief string
	young     time.Duration
	filtered  bool // nothing shows against the API's filter
}

func (c *Connector) newDeploymentLookUps() *lookup.LookUps[struct{}, deploymentSighting] {
	return lookup.New(lookup.Settings[struct{}, deploymentSighting]{
		// One seat is for the proof.
		Budget: c.budget, Doubt: jobDoubt, Seats: mostReferences - 1, Room: longestFilter,
		Length: operandLength, Same: letterByLetter, List: c.listDeployments, Tell: c.tell,
	})
}

// lookUpDeployment finds out whether an earlier try of a request started its bot.
// It reports true if it can be started: it certainly was not, or nobody can tell
// and the route wants it. The list of activities lags, and whether it can be
// filtered by name is not promised: so only a filter that was seen to work is
// believed when it finds nothing.
func (c *Connector) lookUpDeployment(ctx context.Context, t orchestrator.Try) (r orchestrator.Result, mayStart bool) {
	if c.api.deployments == "" {
		return untold(r, jobDoubt, "Enterprise 11 tells no deployment by its name", "look for it among the activities"), t.Resend
	}
	if wait := t.Settling(c.Settle); wait > 0 {
		return orchestrator.Later(job.Settling, wait, "an earlier try may still start the bot: it is looked up when that is over"), false
	}
	seen, stop := c.deploymentLookUps.LookUp(ctx, struct{}{}, t.Request)
	if stop != nil {
		return *stop, false
	}
	found, why := seen.claim(t, c.knownBot(t.Request), &c.deployments.Owners)
	r = orchestrator.Result{Health: orchestrator.Well}
	r.Status = seen.status
	switch {
	case len(found) == 1:
		if seen.filtered {
			c.deployments.Trust()
		}
		c.tell(orchestrator.Found)
		return duplicate(seen.status, found[0].receipt), false
	case len(found) > 1:
		c.tell(orchestrator.Unclear)
		r.Verdict, r.Reason = job.Unknown, job.UnknownOutcome
		r.Detail = "there are " + strconv.Itoa(len(found)) + " deployments of the reference since the first try, so none is started again; " + jobHint
		return r, false
	case why == "" && seen.young > 0:
		c.tell(orchestrator.Unclear)
		return orchestrator.Later(job.Settling, seen.young, jobDoubt+", and the list of activities is not up to date yet"), false
	case why == "":
		why = seen.disbelief
	}
	if why != "" {
		c.tell(orchestrator.Unclear)
		return untold(r, jobDoubt, why, jobHint), t.Resend
	}
	c.tell(orchestrator.Absent)
	return orchestrator.Result{}, true
}

// claim finds the deployments of the request, and takes the one for it if it is
// the only one. why says why it means nothing that there are no others.
func (s deploymentSighting) claim(t orchestrator.Try, bot string, owners *lookup.Owners) (found []deploymentRow, why string) {
	found, why = s.sort(t, bot, owners)
	for len(found) == 1 && !lookup.Take(owners, t.Request.ID, found[0]) {
		found, why = s.sort(t, bot, owners) // another request has taken it in between
	}
	return found, why
}

func (s deploymentSighting) sort(t orchestrator.Try, bot string, owners *lookup.Owners) (found []deploymentRow, why string) {
	why = s.unclear
	notBefore := t.FirstTry.Add(s.ahead - lookup.Slack)
	for _, row := range lookup.NotOfOthers(owners, t.Request.ID, s.rows) {
		switch {
		case !row.began.IsZero() && row.began.Before(notBefore.Add(-t.Skew)):
		case !row.began.IsZero() && row.began.Before(notBefore):
			why = "a deployment of its reference was started so near to the first try that the clocks of two machines decide"
		case row.bot != "" && bot != "" && row.bot != bot:
			why = "a deployment of its reference is of another bot"
		default:
			found = append(found, row)
		}
	}
	return found, why
}

// listDeployments asks for activities by the names that were given to them, and
// for one that must be there.
func (c *Connector) listDeployments(ctx context.Context, _ struct{}, references []string) (seen map[string]deploymentSighting, cut bool, stop *orchestrator.Result) {
	proof, trusted := c.deployments.Proof("")
	asked := references
	if proof.Reference != "" && !slices.Contains(asked, proof.Reference) {
		asked = append(slices.Clip(asked), proof.Reference)
	}
	operands := make([]filter, len(asked))
	for i, reference := range asked {
		operands[i] = equal("automationName", reference)
	}
	q := query{Filter: either(operands), Page: paging{Length: mostRows}}
	began := time.Now()
	a := c.list(ctx, "ListActivities", c.api.deployments, q)
	list, ok := readList[deploymentRow](a)
	page := deploymentSighting{status: a.Status, ahead: lookup.Ahead(a, began, time.Now())}
	if !ok && !lookup.TooLong(a) {
		page.unclear, stop = c.unlistedDeployments(a)
		return lookup.Alike(references, page), false, stop
	}
	c.budget.Answered()
	whole := ok && list.whole(q.Page, true)
	page.judge(c, list.all, asked, whole, proof, trusted)
	seen = make(map[string]deploymentSighting, len(references))
	for _, reference := range references {
		page.rows = deploymentsOf(list.all, reference)
		seen[reference] = page
	}
	return seen, !whole && page.filtered, nil
}

// judge says what the list means as a whole.
func (s *deploymentSighting) judge(c *Connector, rows []deploymentRow, asked []string, whole bool, proof lookup.Proof, trusted bool) {
	foreign := slices.ContainsFunc(rows, func(row deploymentRow) bool {
		return !slices.ContainsFunc(asked, func(name string) bool { return strings.EqualFold(name, row.name) })
	})
	s.filtered = !foreign
	switch {
	case foreign:
		s.unclear = "the API does not filter activities by their name"
		return
	case !whole:
		s.unclear = "there are too many activities of the reference"
		return
	}
	shown := slices.ContainsFunc(rows, func(row deploymentRow) bool { return row.is(proof.Receipt) })
	belief, young := c.deployments.Judge("", proof, trusted, shown, c.Settle)
	switch s.young = young; belief {
	case lookup.Missing:
		s.disbelief, s.filtered = "the list of activities does not show one that was started", false
	case lookup.Unproven:
		s.disbelief = "no look-up has found a deployment by its name yet, so that to find none says nothing"
	case lookup.Believed:
	}
}

// deploymentsOf are those of a name, one row of each. One that does not tell its
// ids is one of its own.
func deploymentsOf(rows []deploymentRow, name string) (all []deploymentRow) {
	for _, row := range rows {
		known := slices.IndexFunc(all, func(other deploymentRow) bool { return other.is(row.receipt) })
		switch {
		case row.name != name:
		case known < 0:
			all = append(all, row)
		case all[known].began.IsZero() || !row.began.IsZero() && row.began.Before(all[known].began):
			all[known].began = row.began
		}
	}
	return all
}

// unlistedDeployments is what an answer without a list means. A refusal of the
// look-up itself will not pass by waiting.
func (c *Connector) unlistedDeployments(a orchestrator.Answer) (why string, stop *orchestrator.Result) {
	r := refine(a, false, ofBot)
	if r.Verdict == job.Unavailable {
		return "", &r
	}
	c.budget.Answered()
	return refused(r), nil
}
