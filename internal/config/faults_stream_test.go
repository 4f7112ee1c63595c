package config_test

var streamFaults = map[string]fault{
	"stream's name": {add: "stream: {name: my.jobs}\n", want: []string{
		`13:16: stream.name: is not the name of a stream; use up to 255 letters, digits, _ or -, without . * > / \ and spaces`,
	}},
	"bucket's name": {add: "ledger: {bucket: my jobs}\n", want: []string{
		"13:18: ledger.bucket: is not the name of a bucket; use up to 200 letters, digits, _ or -",
	}},
	"same streams": {add: "dead_letter: {stream: JOBS}\noutcomes: {stream: KV_JOBS_LEDGER}\n", want: []string{
		"13:23: dead_letter.stream: is the same stream as stream.name; give each its own",
		"14:20: outcomes.stream: is the same stream as ledger.bucket; give each its own",
	}},
	"subjects of the stream": {add: "stream: {subjects: [jobs.>, jobs.invoices.*, '>']}\n", want: []string{
		"13:29: stream.subjects[1]: overlaps stream.subjects[0]; keep one of the two",
		"13:46: stream.subjects[2]: is not a subject to use: takes in the subjects of NATS itself, which begin with $; begin with a part that is no wildcard",
	}},
	"no subjects in stream": {add: "stream: {subjects: []}\n", want: []string{
		"13:20: stream.subjects: is empty; give at least one subject, such as jobs.invoices.>",
	}},
	"unknown manage": {add: "stream: {manage: always}\n", want: []string{
		"13:18: stream.manage: must be create or never",
	}},
	"dead letters come in": {add: "dead_letter: {subject: jobs}\n", want: []string{
		"13:24: dead_letter.subject: overlaps stream.subjects[0]: what is published there would come in as a request; use another subject",
	}},
	"dead letters by wildcard": {add: "dead_letter: {subject: dead.>}\n", want: []string{
		"13:24: dead_letter.subject: is not a subject to use: has a wildcard; give a plain subject, the route is added behind it",
	}},
	"outcomes come in": {add: "outcomes: {subject: jobs.outcome}\n", want: []string{
		"13:21: outcomes.subject: overlaps stream.subjects[0]: what is published there would come in as a request; use another subject",
	}},
	"outcomes in dead letters": {add: "outcomes: {subject: jobs-dead.outcome}\n", want: []string{
		"13:21: outcomes.subject: overlaps dead_letter.subject; give each its own",
	}},
	"replicas of embedded": {add: "stream: {replicas: 3}\n", want: []string{
		"13:20: stream.replicas: must be 1: an embedded server is alone; set nats.url to use a cluster",
	}},
	"url and embedded": {add: "nats:\n  url: nats://a:4222\n  embedded: {}\n", want: []string{
		"15:13: nats.embedded: cannot stand beside nats.url; keep one of the two",
	}},
	"nats url": {add: "nats: {url: 'localhost:4222'}\n", want: []string{
		"13:13: nats.url: must be a NATS address such as nats://127.0.0.1:4222 (nats, tls, ws or wss), several comma separated",
	}},
	"one of two nats urls": {add: "nats: {url: 'nats://a:4222, http://b'}\n", want: []string{
		"13:13: nats.url: must be a NATS address such as nats://127.0.0.1:4222 (nats, tls, ws or wss), several comma separated",
	}},
	"nats url with no port": {add: "nats: {url: 'nats://a:0'}\n", want: []string{
		"13:13: nats.url: has a port that is none; use 1 to 65535, and write an IPv6 address in brackets, such as nats://[::1]:4222",
	}},
	"nats url of bare colons": {add: "nats: {url: 'nats://:::'}\n", want: []string{
		"13:13: nats.url: has a port that is none; use 1 to 65535, and write an IPv6 address in brackets, such as nats://[::1]:4222",
	}},
	"nats url with a password": {add: "nats: {url: 'nats://user:s3cret@a:4222'}\n", want: []string{
		"13:13: nats.url: has a user or a token in it; give nats.user and nats.password, or nats.token, instead",
	}},
	"empty nats url": {add: "nats: {url: '${NATS_URL:-}'}\n", want: []string{
		"13:13: nats.url: is empty; give an address such as nats://127.0.0.1:4222, or leave the key out (its value is made from $NATS_URL)",
	}},
	"user without password": {add: "nats: {url: 'nats://a', user: a}\n", want: []string{
		"13:31: nats.user: needs password beside it",
	}},
	"two ways to log in": {add: "nats: {url: 'nats://a', token: a, nkey_file: b}\n", want: []string{
		"13:32: nats.token: is a second way to log in beside nkey_file; keep one",
	}},
	"nkey of embedded": {add: "nats: {nkey_file: b, tls: {ca_file: c}}\n", want: []string{
		"13:19: nats.nkey_file: is only for a server at nats.url; remove it, or set nats.url",
		"13:27: nats.tls: is only for a server at nats.url; remove it, or set nats.url",
	}},
	"open embedded": {add: "nats: {embedded: {listen: '0.0.0.0:4222'}}\n", want: []string{
		"13:27: nats.embedded.listen: is open to other machines without authentication; set nats.user and nats.password, or nats.token, or listen on 127.0.0.1",
	}},
	"kubernetes": {env: []string{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, want: []string{
		"1:1: nats.url: is missing, and in Kubernetes the embedded server is never started by itself: its store would vanish with the pod; set nats.url, or nats.embedded with store_dir on a volume",
	}},
}
