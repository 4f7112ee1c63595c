package config_test

import "strings"

var routeFaults = map[string]fault{
	"route missing all": {add: "  - {}\n", want: []string{
		"13:5: routes[1].connection: is missing; name one of the connections",
		"13:5: routes[1].name: is missing; give the route a name, such as invoices",
		"13:5: routes[1].subjects: is missing; list the subjects that the route takes, such as [jobs.invoices.>]",
	}},
	"route's name": {old: "name: invoices", new: "name: all invoices", want: []string{
		"9:11: routes[0].name: must be 1 to 64 letters, digits, _ or -; the durable consumer bears it too",
	}},
	"empty name": {old: "name: invoices", new: `name: ""`, want: []string{
		"9:11: routes[0].name: is empty; give the route a name, such as invoices",
	}},
	"same name": {add: "  - {name: invoices, subjects: [jobs.a], connection: acme, fixed: {folder: a, queue: b}}\n", want: []string{
		"13:12: routes[1].name: is the name of routes[0] too; give each route its own",
	}},
	"unknown connection": {old: "connection: acme", new: "connection: beta", want: []string{
		"11:17: routes[0].connection: is not one of the connections; there is acme",
	}},
	"no subjects": {old: "[jobs.invoices.>]", new: "[]", want: []string{
		"10:15: routes[0].subjects: is empty; give at least one subject, such as jobs.invoices.>",
	}},
	"subject with a space": {old: "[jobs.invoices.>]", new: `["jobs. a"]`, want: []string{
		"10:16: routes[0].subjects[0]: is not a subject to use: has a space or a control character in it; remove it",
	}},
	"subject with empty part": {old: "[jobs.invoices.>]", new: "[jobs..a, .jobs, jobs.]", want: []string{
		"10:16: routes[0].subjects[0]: is not a subject to use: has an empty part; write one dot between two parts, and none at the ends",
		"10:25: routes[0].subjects[1]: is not a subject to use: has an empty part; write one dot between two parts, and none at the ends",
		"10:32: routes[0].subjects[2]: is not a subject to use: has an empty part; write one dot between two parts, and none at the ends",
	}},
	"subject with early >": {old: "[jobs.invoices.>]", new: `["jobs.>.a"]`, want: []string{
		"10:16: routes[0].subjects[0]: is not a subject to use: has > before its end; > stands for all the rest, * for one part",
	}},
	"wildcard inside a part": {old: "[jobs.invoices.>]", new: `["jobs.a*", "jobs.a>"]`, want: []string{
		"10:16: routes[0].subjects[0]: is not a subject to use: has a wildcard inside a part; * and > stand alone between dots",
		"10:27: routes[0].subjects[1]: is not a subject to use: has a wildcard inside a part; * and > stand alone between dots",
	}},
	"subject of NATS": {old: "[jobs.invoices.>]", new: `["$JS.API.>"]`, want: []string{
		"10:16: routes[0].subjects[0]: is not a subject to use: begins with $, which belongs to NATS itself; use another",
	}},
	"subject not covered": {old: "[jobs.invoices.>]", new: "[orders.>, jobs]", want: []string{
		"10:16: routes[0].subjects[0]: is not covered by stream.subjects, so no message could come; add it there",
		"10:26: routes[0].subjects[1]: is not covered by stream.subjects, so no message could come; add it there",
	}},
	"subjects overlap": {old: "[jobs.invoices.>]", new: "[jobs.invoices.>, jobs.*.a]", want: []string{
		"10:33: routes[0].subjects[1]: overlaps routes[0].subjects[0]; keep one of the two",
	}},
	"routes overlap": {add: "  - {name: all, subjects: [jobs.a, jobs.>], connection: acme, fixed: {folder: a, queue: b}}\n", want: []string{
		"13:36: routes[1].subjects[1]: overlaps routes[0].subjects[0] (line 10), and a message may go to one route only; make them disjoint",
		"13:36: routes[1].subjects[1]: overlaps routes[1].subjects[0]; keep one of the two",
	}},
	"max_ack_pending": {add: "    max_ack_pending: 10\n", want: []string{
		"13:22: routes[0].max_ack_pending: max_ack_pending is 10 and max_in_flight is 256; all pods together cannot have fewer messages than one",
	}},
	"max_in_flight": {add: "    max_in_flight: 100000\n", want: []string{
		"13:20: routes[0].max_in_flight: max_ack_pending is 65536 and max_in_flight is 100000; all pods together cannot have fewer messages than one",
	}},
	"retry.first": {add: "    retry: {first: 10m}\n", want: []string{
		"13:20: routes[0].retry.first: retry.first is 10m and retry.max is 5m; the first delay cannot be longer than the longest",
	}},
	"nothing possible": {old: "fixed: {folder: Finance, queue: Invoices}", new: "allow: {}", want: []string{
		"9:5: routes[0]: no request could be valid on this route: add_queue_item has no folder and no queue, start_job has no folder and no process; set what is missing under fixed or defaults, or list it under allow",
	}},
	"no folder": {old: "fixed: {folder: Finance, queue: Invoices}", new: "allow: {queues: ['*']}", want: []string{
		"9:5: routes[0]: no request could be valid on this route: add_queue_item has no folder, start_job has no folder and no process; set what is missing under fixed or defaults, or list it under allow",
	}},
	"fixed action impossible": {old: "queue: Invoices", new: "queue: Invoices, action: start_job", want: []string{
		"9:5: routes[0]: no request could be valid on this route: start_job has no process; set what is missing under fixed or defaults, or list it under allow",
	}},
	"plans of uipath": {add: "    allow: {plans: [{plan: a}]}\n", want: []string{
		"13:20: routes[0].allow.plans: is not for a connection to uipath: plans are for veeam; list processes under allow.processes; remove it",
	}},
	"column of uipath": {add: "    reference_column: Ref\n", want: []string{
		"13:23: routes[0].reference_column: is not for a connection to uipath: it is for automation_anywhere; remove it",
	}},
	"folders of anywhere": {whole: anywhere("e11", "username: a\n        api_key: b") + "    defaults: {folder: a}\n    allow: {folders: [a]}\n", want: []string{
		"15:24: routes[0].defaults.folder: is not for a connection to automation_anywhere: this product has no folders; remove it",
		"16:22: routes[0].allow.folders: is not for a connection to automation_anywhere: this product has no folders; remove it",
	}},
	"anywhere impossible": {whole: strings.Replace(anywhere("e11", "username: a\n        api_key: b"), "queue: Invoices", "", 1), want: []string{
		"11:5: routes[0]: no request could be valid on this route: add_queue_item has no queue, start_job has no process; set what is missing under fixed or defaults, or list it under allow",
	}},
	"veeam with a queue": {whole: veeam("password", "username: a\n        password: b", "fixed: {queue: a, folder: b}\n    allow: {processes: [a]}"), want: []string{
		"13:20: routes[0].fixed.queue: is not for a connection to veeam: this product has no queues, only start_job with a plan as its process; remove it",
		"13:31: routes[0].fixed.folder: is not for a connection to veeam: this product has no folders; remove it",
		"14:24: routes[0].allow.processes: is not for a connection to veeam: list plans under allow.plans, with their actions; remove it",
	}},
	"veeam with an item": {whole: veeam("password", "username: a\n        password: b", "fixed: {action: add_queue_item}"), want: []string{
		"13:21: routes[0].fixed.action: is not for a connection to veeam: this product has no queues, only start_job with a plan as its process; remove it",
	}},
	"veeam impossible": {whole: veeam("password", "username: a\n        password: b", "allow: {}"), want: []string{
		"10:5: routes[0]: no request could be valid on this route: start_job has no plan; set what is missing under fixed or defaults, or list it under allow",
	}},
	"plans as a list of names": {whole: veeam("password", "username: a\n        password: b", `allow: {plans: ["*"]}`), want: []string{
		"13:21: routes[0].allow.plans[0]: must be a mapping; write plan: NAME, and beneath it actions: [...] where the plan may do more than ReadinessCheck",
	}},
	"plan without a name": {whole: veeam("password", "username: a\n        password: b", "allow: {plans: [{actions: [Failover]}]}"), want: []string{
		"13:21: routes[0].allow.plans[0].plan: is missing; give the plan's name or UUID",
	}},
	"every plan": {whole: veeam("password", "username: a\n        password: b", "allow: {plans: [{plan: '*', actions: [ReadinessCheck, Failover, ../x]}]}"), want: []string{
		`13:59: routes[0].allow.plans[0].actions[1]: is not for every plan: plan "*" is for ReadinessCheck only; name the plans that it is for`,
		"13:69: routes[0].allow.plans[0].actions[2]: is not the name of an action; it has only letters, such as ReadinessCheck or Failover",
	}},
}
