// Package remedy says what to do about a reason: a sentence or two for whoever
// is woken by it. What happened is told by the detail beside the reason.
package remedy

import "github.com/queueferry/queueferry/internal/job"

// OfDeadLetter is what to do about a dead letter of that reason, so that it can
// be replayed or purged with a good conscience. It is never empty: of a reason
// that is not known it says how to find out.
func OfDeadLetter(r job.Reason) string {
	if text, ok := ofDeadLetters[r]; ok {
		return text
	}
	return "This version does not know the reason: read the detail, cure what it names, and replay the letter."
}

var ofDeadLetters = map[job.Reason]string{
	job.Undecodable:       "The payload is not one JSON object: repair the publisher, have it publish the request anew, and purge the letter. Or give the route a transform that reads it, and replay.",
	job.TooLarge:          "Send less: put the data elsewhere and its address into the request. Or raise content_limit if the orchestrator takes more, restart the worker, and replay.",
	job.InvalidRequest:    "The detail names the field: repair the publisher, have it publish the request anew, and purge the letter. Or have the route set the field under fixed or defaults, and replay.",
	job.UnsupportedAction: "The orchestrator of this route has no such action: replay to a route that has it with --to-route, or purge the letter.",
	job.NotAllowed:        "The message asks for what its route does not allow: list it under the route's allow if publishers may choose it, restart the worker, and replay. Otherwise find out who published it, and purge the letter.",
	job.TransformFailed:   "Correct the route's transform, restart the worker, and replay.",
	job.RejectedByTarget:  "The orchestrator refuses the request as it is: the detail, the status and the error code say why. Cure that there and replay, or have the publisher send a corrected request and purge the letter.",
	job.NotFound:          "Make the queue, process, bot or plan, or correct its name in the route, restart the worker, and replay.",
	job.Forbidden:         "Give the account access to the folder, queue, bot or plan and the permission that the detail names, and replay.",
	job.AttemptsExhausted: "The last error is in the detail. When it is cured, replay: the attempts begin anew.",
	job.BusyTooLong:       "The orchestrator said not now for the whole of retry.busy_for: see to the robots or the running plan, then replay.",
	job.UnknownOutcome:    "It may have been carried out: look for the reference in the orchestrator, or at the recovery plan, which has none. If it was, purge the letter. If it was not, replay with --resend. A replay without it looks once more and sends nothing in doubt.",
	job.ReferenceConflict: "The queue has another item of this reference, or hides it: read the detail. If the other item is meant, purge the letter; else have the publisher use a reference of its own.",
	job.IDConflict:        "Another request was made under this id: repair the publisher, have it publish the request anew under an id of its own, and purge the letter.",
	job.Panicked:          "The worker met a fault of its own: report it with the stack under delivery.panicked in the log. After an update, replay.",
}

// OfHold is what to do about a shut gate, a held route or a refused credential
// with that reason. It is never empty: nothing is lost while it lasts, and work
// resumes by itself once the cause is gone.
func OfHold(r job.Reason) string {
	if text, ok := ofHolds[r]; ok {
		return text
	}
	return "Read the detail and the worker's log; it goes on by itself once the cause is gone."
}

var ofHolds = map[job.Reason]string{
	job.CredentialsRefused:  "Correct what the credential logs in with: client id and secret, or user name and password, API key or refresh token, or the scopes; a changed secret file is tried within two seconds, anything else after a restart.",
	job.IdentityUnavailable: "See to the identity server and the way to it: token_url, name resolution, proxy, firewall, and tls.ca_file of the connection where the detail names an unknown authority. It is asked again by itself.",
	job.TokenRefused:        "See that the credential belongs to the organization and tenant of the connection's url, and that a personal access token has neither ended nor been revoked; a new one in its file is tried within two seconds. See also that nobody else logs in with an account whose sessions end each other (Automation Anywhere with a password, Veeam).",
	job.SessionTaken:        "Another program, pod or person logs in with the same account, and each log-in ends the other's session: use an API key (Automation Anywhere), or an account for this worker alone; with several pods a credential that may have several sessions.",
	job.Throttled:           "The orchestrator asks for fewer calls: nothing to do if it ends. If it returns, lower rate or max_concurrent, or run fewer pods.",
	job.ServiceUnavailable:  "See to the orchestrator's own health; work resumes by itself.",
	job.BreakerOpen:         "See to the orchestrator and the way to it: the detail names the last failure, and url or tls of the connection where they are at fault. It is probed by itself.",
	job.ConnectionFailed:    "See that url, name resolution, proxy and firewall let this machine reach the orchestrator, or cure the certificate that the detail names; nothing was sent.",
	job.ConnectionLost:      "See what cuts connections between here and the orchestrator: a proxy's time-out, a restart.",
	job.TimedOut:            "See why the orchestrator answers late, or raise timeout of the connection.",
	job.UnexpectedAnswer:    "Correct url of the connection: for UiPath the organization, the tenant and, in the cloud, /orchestrator_ at its end, without /odata; for Automation Anywhere the Control Room; for Veeam https://HOST:9898, and api_version. If it is right, a proxy or a gateway answers in the orchestrator's place.",
	job.Forbidden:           "Check the folder of the route, or its queue, bot or plan, and give the account access to it and the permission that the detail names; it is tried again by itself, and at once after a restart.",
	job.RejectGuard:         "Most requests of the route were refused: make the queue, process, bot or plan, or correct its name, and restart the worker. If the requests themselves are at fault, repair the publisher, or set reject_guard: off to set them aside.",
	job.NotFound:            "Most requests of the route were refused because a name does not exist: make the queue, process, bot or plan, or correct its name, and restart the worker.",
	job.LedgerFailed:        "See to JetStream and the ledger's bucket: permissions, free space, a leader.",
	job.Stopping:            "The worker drains; another one takes its place.",
}
