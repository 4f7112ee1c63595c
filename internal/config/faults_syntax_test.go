package config_test

const yamlAdvice = `check the indentation, and put text with special characters in quotes, inside {} and [] also "${NAME}"`

var syntaxFaults = map[string]fault{
	"empty": {whole: " ", want: []string{
		"1:1: is empty; it needs at least connections: and routes:, see configs/quickstart.yaml",
	}},
	"only a comment": {whole: "# nothing\n", want: []string{
		"1:1: is empty; it needs at least connections: and routes:, see configs/quickstart.yaml",
	}},
	"several documents": {add: "---\na: 1\n", want: []string{
		"14:1: holds several documents; keep one, without a --- line inside",
	}},
	"a list": {whole: "- a\n", want: []string{
		"1:1: is not a mapping; write keys such as connections: and routes:, see configs/quickstart.yaml",
	}},
	"a text": {whole: "hello\n", want: []string{
		"1:1: is not a mapping; write keys such as connections: and routes:, see configs/quickstart.yaml",
	}},
	"not UTF-8": {whole: "a: ä\nb: ä\xff\n", want: []string{
		"2:5: is not UTF-8 text; save the file with that encoding",
	}},
	"brackets": {old: "[jobs.invoices.>]", new: "[jobs.invoices.>", want: []string{
		"11:5: is not YAML: ',' or ']' must be specified; " + yamlAdvice,
	}},
	"tabs": {add: "log:\n\tlevel: info\n", want: []string{
		`14:1: is not YAML: found character '\t' that cannot start any token; ` + yamlAdvice,
	}},
	"indentation": {add: "log:\n    level: info\n  format: json\n", want: []string{
		"15:3: is not YAML: value is not allowed in this context; " + yamlAdvice,
	}},
	"quotes": {old: "name: invoices", new: "name: 'invoices", want: []string{
		"9:11: is not YAML: could not find end character of single-quoted text; " + yamlAdvice,
	}},
	"colon": {old: "name: invoices", new: "name: in: voices", want: []string{
		"9:11: is not YAML: mapping value is not allowed in this context; " + yamlAdvice,
	}},
	"variable in braces": {add: "admin: {listen: ${LISTEN}}\n", want: []string{
		"13:18: is not YAML: ',' or '}' must be specified; " + yamlAdvice,
	}},
	"key twice": {add: "admin: {listen: 127.0.0.1:1}\nadmin: {listen: 127.0.0.1:2}\n", want: []string{
		"14:1: admin: is given twice; remove this one or the one in line 13",
	}},
	"unknown key": {add: "zebra: 1\n", want: []string{
		"13:1: zebra: is not a known key; known here: nats, stream, dead_letter, outcomes, ledger, connections, routes, admin, log, shutdown_grace",
	}},
	"misspelt key": {old: "    connection: acme\n", new: "    connection: acme\n    maxInFlight: 5\n", want: []string{
		"12:5: routes[0].maxInFlight: is not a known key; did you mean max_in_flight?",
	}},
	"misspelt key that is required": {old: "    connection: acme\n", new: "    konnection: acme\n", want: []string{
		"11:5: routes[0].konnection: is not a known key; did you mean connection?",
	}},
	"misspelt nested key": {add: "    retry: {atempts: 3}\n", want: []string{
		"13:13: routes[0].retry.atempts: is not a known key; did you mean attempts?",
	}},
	"unknown alias": {old: "name: invoices", new: "name: *invoices", want: []string{
		"9:11: routes[0].name: is an alias, and no anchor of its name stands before it; put text that begins with * in quotes",
	}},
	"alias of itself": {add: "    allow: &a {queues: *a}\n", want: []string{
		"13:24: routes[0].allow.queues: is an alias, and no anchor of its name stands before it; put text that begins with * in quotes",
	}},
	"tag": {old: "name: invoices", new: "name: !!str invoices", want: []string{
		"9:11: routes[0].name: has a YAML tag; remove it, and put text that begins with ! in quotes",
	}},
	"merge of a text": {add: "    retry: {<<: text}\n", want: []string{
		"13:17: routes[0].retry.<<: merges something that is not a mapping; give it an alias of one, as in <<: *name",
	}},
	"alias for a key": {add: "    allow: &a {}\n    *a : 1\n", want: []string{
		"14:5: routes[0]: has a key that is not plain text",
	}},
	"too many aliases": {add: bomb, want: []string{
		"19:41: routes[0].defaults.content.e[7]: is an alias too many; aliases stand for too many values",
		"19:45: routes[0].defaults.content.e[8]: is an alias too many; aliases stand for too many values",
		"19:49: routes[0].defaults.content.e[9]: is an alias too many; aliases stand for too many values",
	}},
	"unset variable": {old: "https://orchestrator.example.com", new: "${URL}", want: []string{
		"4:10: connections.acme.url: needs the environment variable URL, which is not set; set it, or write ${URL:-default}",
	}},
	"variables of one text": {old: "folder: Finance", new: `folder: "${A}/${B}"`, want: []string{
		"12:21: routes[0].fixed.folder: needs the environment variable A, which is not set; set it, or write ${A:-default}",
		"12:21: routes[0].fixed.folder: needs the environment variable B, which is not set; set it, or write ${B:-default}",
	}},
	"open variable": {old: "name: invoices", new: "name: ${NAME", want: []string{
		"9:11: routes[0].name: has ${ without }; write $${ if the text itself is meant",
	}},
	"no variable": {old: "name: invoices", new: "name: in${}voices", want: []string{
		"9:11: routes[0].name: has ${…} without the name of a variable in it; write ${NAME} or ${NAME:-default}, or $${ if the text itself is meant",
	}},
	"nested default": {old: "name: invoices", new: "name: ${A:-${B}}", want: []string{
		"9:11: routes[0].name: has a ${…} inside the default of ${A}; a default is plain text",
	}},
}

var bomb = `    defaults:
      content:
        a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
        d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
        e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
`
