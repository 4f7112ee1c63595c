package uipath

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// code is a number that some servers write as text, or the name of an error.
type code = values.Code

var errNoObject = errors.New("uipath: not one JSON object")

// The error codes that mean more than their HTTP status (UiPath Orchestrator
// API guide, Response codes; 1016, 1100, 1101, 1670, 1850 as servers were seen to
// use them). Of what has only a name here no number is known.
const (
	codeItemNotFound         = "1002"
	codeErrorInserting       = "1006"
	codeErrorUpdating        = "1007"
	codeLockFailure          = "1010"
	codeDuplicateReference   = "1016"
	codeConcurrency          = "1020"
	codeServiceUnavailable   = "1025"
	codeInvalidFolder        = "1100"
	codeFolderRequired       = "1101"
	codePendingJobs          = "1670"
	codeReferenceRequired    = "1850"
	nameDuplicateReference   = "DuplicateReference"
	nameReferenceRequired    = "TransactionReferenceRequired"
	nameContentSizeExceeded  = "QueueItemContentSizeExceeded"
	nameSchemaViolation      = "QueueItemSchemaViolationException"
	nameItemNotFound         = "ItemNotFound"
	nameInvalidFolder        = "InvalidOrganizationUnit"
	nameOptimisticConcurency = "OptimisticConcurrency"

	namePendingJobs       = "PendingJobsAlreadyExist"
	nameMaxJobs           = "MaxNumberJobsAlreadyExist"
	nameNoRobots          = "NoRobotsAvailable"
	nameInvalidRobots     = "InvalidStartJobRobotIds"
	nameInvalidRelease    = "InvalidReleaseKey"
	nameInvalidReleaseToo = "InvalidReleaseKeyAndName"
	namePartlyCreated     = "PartiallyCreatedJobs"
	nameLicenseExpired    = "LicenseExpiredCannotStartJobs"
	nameUnregistered      = "UnregisteredCannotStartJobs"
)

// apiError is an error in one of the forms that the product uses. Its texts are
// not kept: they may quote the request, or a header of it.
type apiError struct {
	// ErrorCode is a number, a name, or empty where the body has none.
	ErrorCode code
}

// readError takes an error body. It reports whether the body is the product's
// own: a proxy's page is not, nor is the bare {"message": …} of many gateways.
// A member that is not what it should be counts as missing.
func readError(body []byte) (apiError, bool) {
	body = bytes.Trim(body, " \t\r\n") // what JSON takes for blanks, and no more
	if len(body) == 0 || body[0] != '{' {
		return apiError{}, false
	}
	var e struct {
		ErrorCode    json.RawMessage
		ErrorMessage json.RawMessage
		ABP          json.RawMessage `json:"__abp"`
		Errors       json.RawMessage
		Message      json.RawMessage
		TraceID      json.RawMessage
		ResourceIDs  json.RawMessage
	}
	if json.Unmarshal(body, &e) != nil {
		return apiError{}, false
	}
	known := e.ErrorCode != nil || values.First(e.ErrorMessage) == '"' || values.First(e.ABP) == 't' || values.First(e.Errors) == '{' ||
		values.First(e.Message) == '"' && (values.First(e.TraceID) == '"' || e.ResourceIDs != nil)
	return apiError{ErrorCode: readCode(e.ErrorCode)}, known
}

// identifier is what an error code or its name looks like. Nothing else is
// repeated in a log or a dead letter.
var identifier = regexp.MustCompile(`^([1-9][0-9]{0,8}|[A-Za-z][A-Za-z0-9_]{0,63})$`)

// readCode is empty if there is no code, or none that says anything.
func readCode(raw json.RawMessage) code {
	var c code
	if len(raw) == 0 || json.Unmarshal(raw, &c) != nil || !identifier.MatchString(string(c)) {
		return ""
	}
	return c
}

// meaning is what an error code says, whatever the HTTP status beside it.
type meaning struct {
	verdict job.Verdict
	reason  job.Reason
	detail  string
}

// words are what the answers to one kind of calls mean.
type words struct {
	meanings map[code]meaning
	rights   string // what the account needs
}

var itemWords = words{rights: "Queues.View, Transactions.View and Transactions.Create in the folder", meanings: map[code]meaning{
	codeItemNotFound:       {job.Rejected, job.NotFound, noQueue},
	codeDuplicateReference: {job.Rejected, job.ReferenceConflict, "reference: it is taken"},
	codeInvalidFolder:      {job.Deferred, job.Forbidden, noFolderThere},
	codeFolderRequired:     {job.Rejected, job.RejectedByTarget, "folder: the API did not understand it; use the folder's key or its full path"},
	codeReferenceRequired:  {job.Rejected, job.RejectedByTarget, "reference: the queue asks for one"},
	codeErrorInserting:     {job.Deferred, "", "the API could not store the item"},
	codeErrorUpdating:      {job.Deferred, "", "the API could not store the item"},
	codeLockFailure:        {job.Deferred, "", "the API could not lock the queue"},
	codeConcurrency:        {job.Deferred, "", "the API met a concurrent change"},
	codeServiceUnavailable: {job.Deferred, "", "the API is not available for this request"},

	nameContentSizeExceeded: {job.Rejected, job.TooLarge, "content: larger than the API allows"},
	nameSchemaViolation:     {job.Rejected, job.RejectedByTarget, "content: it does not fit the queue's JSON schema"},
}}

var jobWords = words{rights: "Processes.View, Jobs.View and Jobs.Create in the folder", meanings: map[code]meaning{
	codeItemNotFound:       {job.Rejected, job.NotFound, noProcess},
	nameInvalidRelease:     {job.Rejected, job.NotFound, noProcess},
	nameInvalidReleaseToo:  {job.Rejected, job.NotFound, noProcess},
	nameInvalidRobots:      {job.Rejected, job.RejectedByTarget, "options: the folder has no such unattended robot, or none at all"},
	codeInvalidFolder:      itemWords.meanings[codeInvalidFolder],
	codeFolderRequired:     itemWords.meanings[codeFolderRequired],
	codeErrorInserting:     {job.Deferred, "", "the API could not store the job"},
	codeErrorUpdating:      {job.Deferred, "", "the API could not store the job"},
	codeLockFailure:        {job.Deferred, "", "the API could not take a lock"},
	codeConcurrency:        itemWords.meanings[codeConcurrency],
	codeServiceUnavailable: itemWords.meanings[codeServiceUnavailable],

	codePendingJobs: {job.Busy, "", "the robots have pending jobs of the process already"},
	nameMaxJobs:     {job.Busy, "", "there are as many jobs as the API allows at once"},
	nameNoRobots:    {job.Busy, "", "no robot is available"},

	namePartlyCreated:  {job.Unknown, job.UnknownOutcome, "only a part of the jobs was started, so none is started again; look for the reference among the folder's jobs"},
	nameLicenseExpired: {job.Deferred, job.Forbidden, "the license of the orchestrator has expired, and no job is started; renew it"},
	nameUnregistered:   {job.Deferred, job.Forbidden, "the orchestrator is not registered, and no job is started; give it a license"},
}}

// What is said of names that do not exist, before they are put in.
const (
	noQueue       = "queue: it does not exist in the folder"
	noProcess     = "process: it does not exist in the folder"
	noFolderThere = "folder: it does not exist, or the account has no access to it"
)

// withNames puts the names that the request asked for in place of "it", so that
// whoever reads it need not look for them.
func withNames(r orchestrator.Result, q *job.Request) orchestrator.Result {
	in := " does not exist in the folder " + values.Quoted(q.Folder)
	switch r.Detail {
	case noQueue:
		r.Detail = "queue: " + values.Quoted(q.Queue) + in
	case noProcess:
		r.Detail = "process: " + values.Quoted(q.Process) + in
	case noFolderThere:
		r.Detail = "folder: " + values.Quoted(q.Folder) + " does not exist, or the account has no access to it"
	}
	return r
}

// names stand in place of numbers in some answers.
var names = map[code]code{
	nameDuplicateReference: codeDuplicateReference, nameReferenceRequired: codeReferenceRequired,
	nameItemNotFound: codeItemNotFound, nameInvalidFolder: codeInvalidFolder, nameOptimisticConcurency: codeConcurrency,
	namePendingJobs: codePendingJobs,
}

// refine says what an answer about items that is no success means, by its error
// code first and its status then.
func (c *Connector) refine(a orchestrator.Answer, acts bool) orchestrator.Result {
	return itemWords.refine(a, acts)
}

func (w words) refine(a orchestrator.Answer, acts bool) orchestrator.Result {
	e, envelope := readError(a.Body)
	envelope = envelope && a.Err == nil
	r := orchestrator.Classify(a, acts, envelope)
	if !envelope || a.Status < 400 || r.Health == orchestrator.Refused || r.Health == orchestrator.Throttled {
		return r
	}
	if number, ok := names[e.ErrorCode]; ok {
		e.ErrorCode = number
	}
	r.ErrorCode = string(e.ErrorCode)
	m, known := w.meanings[e.ErrorCode]
	switch {
	case !known:
		r.Detail += w.explain(r.Outcome)
	case m.verdict == job.Deferred && m.reason == "" && r.Health == orchestrator.Ill:
		// A status of trouble: the server itself is not sure that nothing was stored.
	default:
		r.Health = orchestrator.Well
		r.Verdict, r.Reason, r.Detail = m.verdict, m.reason, m.detail
	}
	return r
}

func (w words) explain(o job.Outcome) string {
	switch {
	case o.Status == 403:
		return ": the account lacks a permission or a scope (" + w.rights + ")"
	case o.ErrorCode != "":
		return " and error code " + strconv.Quote(o.ErrorCode)
	}
	return ""
}
