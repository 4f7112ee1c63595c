package config_test

var valueFaults = map[string]fault{
	"text for a mapping": {add: "log: info\n", want: []string{
		"13:6: log: must be a mapping: lines of key: value",
	}},
	"list for a mapping": {add: "    retry: [1]\n", want: []string{
		"13:12: routes[0].retry: must be a mapping: lines of key: value",
	}},
	"mapping for a list": {old: "[jobs.invoices.>]", new: "{a: b}", want: []string{
		"10:15: routes[0].subjects: must be a list; write [a, b] or lines that begin with -",
	}},
	"text for a list": {old: "[jobs.invoices.>]", new: "jobs.invoices.>", want: []string{
		"10:15: routes[0].subjects: must be a list; write [a, b] or lines that begin with -",
	}},
	"list for a text": {old: "name: invoices", new: "name: [invoices]", want: []string{
		"9:11: routes[0].name: must be text, not a list or a mapping",
	}},
	"boolean for a text": {old: "queue: Invoices", new: "queue: true", want: []string{
		"12:37: routes[0].fixed.queue: must be text; put it in quotes",
	}},
	"number in quotes": {add: "    max_in_flight: \"5\"\n", want: []string{
		"13:20: routes[0].max_in_flight: must be a whole number in digits, without quotes or a unit",
	}},
	"text for a number": {add: "    max_in_flight: many\n", want: []string{
		"13:20: routes[0].max_in_flight: must be a whole number in digits, without quotes or a unit",
	}},
	"fraction": {add: "    max_in_flight: 1.5\n", want: []string{
		"13:20: routes[0].max_in_flight: must be a whole number in digits, without quotes or a unit",
	}},
	"number from a variable": {add: "    max_in_flight: ${N}\n", env: []string{"N", "5x"}, want: []string{
		"13:20: routes[0].max_in_flight: must be a whole number in digits, without quotes or a unit (its value is made from $N)",
	}},
	"number too small": {add: "    batch: {max: 0}\n", want: []string{
		"13:18: routes[0].batch.max: must be at least 1",
	}},
	"number too large": {add: "    batch: {max: 99999999999999999999}\n", want: []string{
		"13:18: routes[0].batch.max: must be at most 2147483647",
	}},
	"number out of range": {add: "stream: {replicas: 6}\n", want: []string{
		"13:20: stream.replicas: must be from 1 to 5",
	}},
	"negative size": {add: "stream: {max_bytes: -99999999999999999999}\n", want: []string{
		"13:21: stream.max_bytes: must be at least 0",
	}},
	"size with a unit": {add: "stream: {max_bytes: 1GB}\n", want: []string{
		"13:21: stream.max_bytes: must be a whole number in digits, without quotes or a unit",
	}},
	"duration without unit": {add: "shutdown_grace: 30\n", want: []string{
		"13:17: shutdown_grace: must be a duration with its unit, such as 500ms, 30s, 5m or 168h",
	}},
	"duration in days": {add: "ledger: {ttl: 7d}\n", want: []string{
		"13:15: ledger.ttl: must be a duration with its unit, such as 500ms, 30s, 5m or 168h",
	}},
	"duration too short": {add: "    ack_wait: 500ms\n", want: []string{
		"13:15: routes[0].ack_wait: must be at least 1s",
	}},
	"negative duration": {add: "    batch: {linger: -1s}\n", want: []string{
		"13:21: routes[0].batch.linger: must be at least 0",
	}},
	"duration as a list": {add: "    ack_wait: [30s]\n", want: []string{
		"13:15: routes[0].ack_wait: must be a duration with its unit, such as 500ms, 30s, 5m or 168h",
	}},
	"age too short": {add: "dead_letter: {max_age: 1ms}\n", want: []string{
		"13:24: dead_letter.max_age: must be at least 100ms",
	}},
	"text for a boolean": {add: "    pause: maybe\n", want: []string{
		"13:12: routes[0].pause: must be true or false",
	}},
	"boolean in quotes": {add: "    pause: \"true\"\n", want: []string{
		"13:12: routes[0].pause: must be true or false",
	}},
	"text for a switch": {add: "    reject_guard: maybe\n", want: []string{
		"13:19: routes[0].reject_guard: must be on or off",
	}},
	"unknown choice": {add: "log: {level: loud}\n", want: []string{
		"13:14: log.level: must be debug, info, warn or error",
	}},
	"unknown format": {add: "log: {format: xml}\n", want: []string{
		"13:15: log.format: must be json or console",
	}},
	"listen without port": {add: "admin: {listen: localhost}\n", want: []string{
		"13:17: admin.listen: must be host:port, such as 127.0.0.1:8080; port 0 takes a free one",
	}},
	"listen nowhere": {add: "admin: {listen: \"\"}\n", want: []string{
		"13:17: admin.listen: must be host:port, such as 127.0.0.1:8080; port 0 takes a free one",
	}},
	"line break in a text": {old: "queue: Invoices", new: `queue: "In\nvoices"`, want: []string{
		"12:37: routes[0].fixed.queue: has a line break or another control character in it; remove it",
	}},
	"empty element": {add: "    allow: {queues: [a, \"\", b]}\n", want: []string{
		"13:25: routes[0].allow.queues[1]: is empty; remove it",
	}},
	"null element": {add: "    allow: {queues: [a, ~]}\n", want: []string{
		"13:25: routes[0].allow.queues[1]: is empty; remove it",
	}},
	"list in a list": {add: "    allow: {queues: [[a]]}\n", want: []string{
		"13:22: routes[0].allow.queues[0]: must be text, not a list or a mapping",
	}},
	"content as a text": {add: "    defaults: {content: text}\n", want: []string{
		"13:25: routes[0].defaults.content: must be a mapping: lines of key: value",
	}},
	"number with zeros": {add: "    defaults: {content: {Vendor: 00123}}\n", want: []string{
		"13:34: routes[0].defaults.content.Vendor: is not a number as JSON writes it; put it in quotes to send it as text",
	}},
	"hexadecimal number": {add: "    defaults: {content: {a: [1, {b: 0x1F}]}}\n", want: []string{
		"13:37: routes[0].defaults.content.a[1].b: is not a number as JSON writes it; put it in quotes to send it as text",
	}},
	"infinite number": {add: "    defaults: {arguments: {a: .inf}}\n", want: []string{
		"13:31: routes[0].defaults.arguments.a: is not a number as JSON writes it; put it in quotes to send it as text",
	}},
	"unknown priority": {add: "    defaults: {priority: urgent}\n", want: []string{
		"13:26: routes[0].defaults.priority: must be low, normal or high",
	}},
	"what a plan does as the action": {add: "    defaults: {action: Failover}\n", want: []string{
		"13:24: routes[0].defaults.action: must be add_queue_item or start_job; what a plan shall do is options.action, beside start_job",
	}},
	"unknown action": {add: "    defaults: {action: start}\n", want: []string{
		"13:24: routes[0].defaults.action: must be add_queue_item or start_job",
	}},
}
