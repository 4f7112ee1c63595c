package config_test

import "strings"

var connectionFaults = map[string]fault{
	"nothing at all": {whole: "{}\n", want: []string{
		"1:1: connections: is missing; name at least one connection under it, with its product, url and credentials",
		"1:1: routes: is missing; give at least one route, with its name, subjects and connection",
	}},
	"empty lists": {whole: "connections: {}\nroutes: []\n", want: []string{
		"1:14: connections: is empty; name at least one connection under it",
		"2:9: routes: is empty; give at least one route",
	}},
	"no connections": {whole: "connections:\nroutes:\n", want: []string{
		"1:1: connections: is missing; name at least one connection under it, with its product, url and credentials",
		"2:1: routes: is missing; give at least one route, with its name, subjects and connection",
	}},
	"connection missing all": {old: "  acme:\n", new: "  beta: {}\n  acme:\n", want: []string{
		"2:9: connections.beta.credentials: is missing; give at least one under it, beginning with - grant:",
		"2:9: connections.beta.product: is missing; say which one it is: uipath, automation_anywhere or veeam",
		"2:9: connections.beta.url: is missing; give the address of the orchestrator, such as https://host/path",
	}},
	"empty connection": {old: "  acme:\n", new: "  beta:\n  acme:\n", want: []string{
		"2:3: connections.beta.credentials: is missing; give at least one under it, beginning with - grant:",
		"2:3: connections.beta.product: is missing; say which one it is: uipath, automation_anywhere or veeam",
		"2:3: connections.beta.url: is missing; give the address of the orchestrator, such as https://host/path",
	}},
	"connection's name": {old: "  acme:\n", new: "  \"a b\": {}\n  acme:\n", want: []string{
		`2:3: connections."a b": the name of a connection must be 1 to 64 letters, digits, _ or -`,
		`2:10: connections."a b".credentials: is missing; give at least one under it, beginning with - grant:`,
		`2:10: connections."a b".product: is missing; say which one it is: uipath, automation_anywhere or veeam`,
		`2:10: connections."a b".url: is missing; give the address of the orchestrator, such as https://host/path`,
	}},
	"no url": {old: "    url: https://orchestrator.example.com\n", new: "", want: []string{
		"3:5: connections.acme.url: is missing; give the address of the orchestrator, such as https://host/path",
	}},
	"empty url": {old: "https://orchestrator.example.com", new: `"${URL:-}"`, want: []string{
		"4:10: connections.acme.url: is empty; give the address of the orchestrator, such as https://host/path (its value is made from $URL)",
	}},
	"unknown product": {old: "product: uipath", new: "product: blueprism", want: []string{
		"3:14: connections.acme.product: must be uipath, automation_anywhere or veeam",
	}},
	"url without scheme": {old: "https://", new: "", want: []string{
		"4:10: connections.acme.url: must be an absolute URL such as https://host/path",
	}},
	"url of another scheme": {old: "https://", new: "ftp://", want: []string{
		"4:10: connections.acme.url: must be an absolute URL such as https://host/path",
	}},
	"url with a user": {old: "https://", new: "https://user:s3cret@", want: []string{
		"4:10: connections.acme.url: has a user or a password in it; remove it, log-ins belong under credentials",
	}},
	"url with a query": {old: ".com\n", new: ".com/?a=b\n", want: []string{
		"4:10: connections.acme.url: has a query; remove the ? and what follows",
	}},
	"url with a fragment": {old: ".com\n", new: ".com/#a\n", want: []string{
		"4:10: connections.acme.url: has a fragment; remove the # and what follows",
	}},
	"url with a port": {old: ".com\n", new: ".com:99999\n", want: []string{
		"4:10: connections.acme.url: has a port that is none; use 1 to 65535",
	}},
	"no credentials": {old: "      - grant: static\n        token: {env: TOKEN}\n", new: "", want: []string{
		"5:5: connections.acme.credentials: is missing; give at least one under it, beginning with - grant:",
	}},
	"empty credentials": {old: "credentials:\n      - grant: static\n        token: {env: TOKEN}\n", new: "credentials: []\n", want: []string{
		"5:18: connections.acme.credentials: is empty; give at least one, beginning with - grant:",
	}},
	"credential without grant": {old: "grant: static", new: "scopes: []", want: []string{
		"6:9: connections.acme.credentials[0].grant: is missing; say how to log in: client_credentials, password, static or uipath_legacy",
	}},
	"unknown grant": {old: "grant: static", new: "grant: magic", want: []string{
		"6:16: connections.acme.credentials[0].grant: must be client_credentials, control_room, password, refresh_token, static or uipath_legacy",
	}},
	"grant of another product": {old: "grant: static", new: "grant: control_room", want: []string{
		"6:16: connections.acme.credentials[0].grant: is not a way to log in to uipath; use client_credentials, password, static or uipath_legacy",
	}},
	"static without token": {old: "        token: {env: TOKEN}\n", new: "", want: []string{
		"6:9: connections.acme.credentials[0].token: is missing; grant static needs it",
	}},
	"static with more": {old: "grant: static", new: "grant: static\n        client_id: a\n        scopes: [a]", want: []string{
		"7:20: connections.acme.credentials[0].client_id: is not used with grant static on uipath; remove it",
		"8:17: connections.acme.credentials[0].scopes: is not used with grant static on uipath; remove it",
	}},
	"client_credentials": {old: "grant: static", new: "grant: client_credentials", want: []string{
		"6:9: connections.acme.credentials[0].client_id: is missing; grant client_credentials needs it",
		"6:9: connections.acme.credentials[0].client_secret: is missing; grant client_credentials needs it",
		"6:9: connections.acme.credentials[0].token_url: is missing; grant client_credentials needs it",
		"7:16: connections.acme.credentials[0].token: is not used with grant client_credentials on uipath; remove it",
	}},
	"password": {old: "grant: static\n        token: {env: TOKEN}", new: "grant: password", want: []string{
		"6:9: connections.acme.credentials[0].client_id: is missing; grant password needs it",
		"6:9: connections.acme.credentials[0].password: is missing; grant password needs it",
		"6:9: connections.acme.credentials[0].token_url: is missing; grant password needs it",
		"6:9: connections.acme.credentials[0].username: is missing; grant password needs it",
	}},
	"password, basic without a secret": {
		old: "grant: static\n        token: {env: TOKEN}",
		new: "grant: password\n        token_url: https://id/token\n        client_id: a\n        username: u\n        password: p\n        token_endpoint_auth_method: client_secret_basic",
		want: []string{
			"11:37: connections.acme.credentials[0].token_endpoint_auth_method: needs client_secret; give it, or remove this key",
		},
	},
	"unknown method": {old: "grant: static", new: "grant: static\n        token_endpoint_auth_method: private_key_jwt", want: []string{
		"7:37: connections.acme.credentials[0].token_endpoint_auth_method: is not used with grant static on uipath; remove it",
		"7:37: connections.acme.credentials[0].token_endpoint_auth_method: must be client_secret_post or client_secret_basic",
	}},
	"uipath_legacy": {old: "grant: static\n        token: {env: TOKEN}", new: "grant: uipath_legacy", want: []string{
		"6:9: connections.acme.credentials[0].password: is missing; grant uipath_legacy needs it",
		"6:9: connections.acme.credentials[0].username: is missing; grant uipath_legacy needs it",
	}},
	"secret not set": {old: "{env: TOKEN}", new: "{env: OTHER}", want: []string{
		"7:16: connections.acme.credentials[0].token: needs the environment variable OTHER, which is not set; set it",
	}},
	"secret set to nothing": {old: "{env: TOKEN}", new: "{env: OTHER}", env: []string{"OTHER", ""}, want: []string{
		"7:16: connections.acme.credentials[0].token: needs the environment variable OTHER, which is empty; set it",
	}},
	"secret from no name": {old: "{env: TOKEN}", new: `{env: "a b"}`, want: []string{
		"7:16: connections.acme.credentials[0].token: env: takes the name of an environment variable: letters, digits and _",
	}},
	"secret from two": {old: "{env: TOKEN}", new: "{env: TOKEN, file: /a}", want: []string{
		"7:16: connections.acme.credentials[0].token: must be {env: NAME}, {file: PATH} or the secret itself in quotes",
	}},
	"secret from nothing": {old: "{env: TOKEN}", new: "{}", want: []string{
		"7:16: connections.acme.credentials[0].token: must be {env: NAME}, {file: PATH} or the secret itself in quotes",
	}},
	"secret of unknown form": {old: "{env: TOKEN}", new: "{vault: a}", want: []string{
		"7:16: connections.acme.credentials[0].token: must be {env: NAME}, {file: PATH} or the secret itself in quotes",
	}},
	"secret as a list": {old: "{env: TOKEN}", new: "[a]", want: []string{
		"7:16: connections.acme.credentials[0].token: must be {env: NAME}, {file: PATH} or the secret itself in quotes",
	}},
	"secret as a boolean": {old: "{env: TOKEN}", new: "true", want: []string{
		"7:16: connections.acme.credentials[0].token: must be {env: NAME}, {file: PATH} or the secret itself in quotes",
	}},
	"empty secret": {old: "{env: TOKEN}", new: `""`, want: []string{
		"7:16: connections.acme.credentials[0].token: is empty; grant static needs it",
	}},
	"half a certificate": {old: "    product: uipath\n", new: "    product: uipath\n    tls: {cert_file: a.pem}\n", want: []string{
		"4:22: connections.acme.tls.cert_file: needs key_file beside it",
	}},
	"generation of uipath": {old: "    product: uipath\n", new: "    product: uipath\n    generation: e11\n", want: []string{
		"4:17: connections.acme.generation: is only for product automation_anywhere; remove it",
	}},
	"api_version of uipath": {old: "    product: uipath\n", new: "    product: uipath\n    api_version: v7.21\n", want: []string{
		"4:18: connections.acme.api_version: is only for product veeam; remove it",
	}},
	"breaker": {old: "    product: uipath\n", new: "    product: uipath\n    breaker: {failures: 0, open: 0}\n", want: []string{
		"4:25: connections.acme.breaker.failures: must be at least 1",
		"4:34: connections.acme.breaker.open: must be at least 1ms",
	}},
	"negative rate": {old: "    product: uipath\n", new: "    product: uipath\n    rate: -1\n", want: []string{
		"4:11: connections.acme.rate: must be at least 0",
	}},
	"rate in words": {old: "    product: uipath\n", new: "    product: uipath\n    rate: 5/s\n", want: []string{
		"4:11: connections.acme.rate: must be a number such as 5 or 0.5, without quotes or a unit",
	}},
	"time-out beyond the grace": {old: "    product: uipath\n", new: "    product: uipath\n    timeout: 21s\n", want: []string{
		"4:14: connections.acme.timeout: shutdown_grace is 25s, and connection acme has a timeout of 21s: a call under way needs that and 5s more to end; raise shutdown_grace or lower the timeout",
	}},
	"grace below the time-out": {add: "shutdown_grace: 10s\n", want: []string{
		"13:17: shutdown_grace: shutdown_grace is 10s, and connection acme has a timeout of 20s: a call under way needs that and 5s more to end; raise shutdown_grace or lower the timeout",
	}},
	"automation anywhere": {whole: anywhere("e11", "token_url: https://a\n        multiple_login: true"), want: []string{
		"7:9: connections.acme.credentials[0].api_key: is missing; grant control_room needs api_key or password",
		"7:9: connections.acme.credentials[0].username: is missing; grant control_room needs it",
		"8:20: connections.acme.credentials[0].token_url: is not for automation_anywhere: it follows from url and generation; remove it",
		"9:25: connections.acme.credentials[0].multiple_login: is only for generation a360; remove it",
	}},
	"control room with both": {whole: anywhere("a360", "username: a\n        api_key: b\n        password: c"), want: []string{
		"10:19: connections.acme.credentials[0].password: cannot stand beside api_key; keep one of the two",
	}},
	"control room, a key and multiple_login": {whole: anywhere("a360", "username: a\n        api_key: b\n        multiple_login: true"), want: []string{
		"10:25: connections.acme.credentials[0].multiple_login: has no effect with api_key, whose sessions stand beside each other; remove it",
	}},
	"control room a360 with two factors": {whole: anywhere("a360", "username: a\n        password: b\n        totp_secret: c"), want: []string{
		"10:22: connections.acme.credentials[0].totp_secret: is only for generation e11: a log-in of a360 has no passcode; remove it, and use an account without a second factor",
	}},
	"unknown generation": {whole: anywhere("e12", "username: a\n        api_key: b"), want: []string{
		"4:17: connections.acme.generation: must be e11 or a360",
	}},
	"no generation": {whole: anywhere("", "username: a\n        api_key: b"), want: []string{
		"4:5: connections.acme.generation: is missing; say which one it is: e11 (Enterprise 11) or a360 (Automation 360)",
	}},
	"veeam": {whole: veeam("password", "token_url: https://a", "allow: {plans: [{plan: a}]}"), want: []string{
		"6:9: connections.acme.credentials[0].password: is missing; grant password needs it",
		"6:9: connections.acme.credentials[0].username: is missing; grant password needs it",
		"7:20: connections.acme.credentials[0].token_url: is not for veeam: it follows from url; remove it",
	}},
	"veeam's client": {whole: veeam("client_credentials", "username: a", "allow: {plans: [{plan: a}]}"), want: []string{
		"6:9: connections.acme.credentials[0].client_id: is missing; grant client_credentials needs it",
		"6:9: connections.acme.credentials[0].client_secret: is missing; grant client_credentials needs it",
		"7:19: connections.acme.credentials[0].username: is not used with grant client_credentials on veeam; remove it",
	}},
	"veeam's refresh token": {whole: veeam("refresh_token", "scopes: [a]", "allow: {plans: [{plan: a}]}"), want: []string{
		"6:9: connections.acme.credentials[0].refresh_token: is missing; grant refresh_token needs it",
		"7:17: connections.acme.credentials[0].scopes: is not used with grant refresh_token on veeam; remove it",
	}},
	"veeam with the product's version for the API's": {
		whole: strings.Replace(veeam("password", "username: a\n        password: b", "allow: {plans: [{plan: a}]}"),
			"product: veeam", "product: veeam\n    api_version: v7.2.1", 1),
		want: []string{
			"4:18: connections.acme.api_version: is not a version of the API; write one such as v7.21 or v13: the product 7.2.1 has v7.21",
		},
	},
	"veeam with a static token": {whole: veeam("static", "token: a", "allow: {plans: [{plan: a}]}"), want: []string{
		"6:16: connections.acme.credentials[0].grant: is not a way to log in to veeam; use client_credentials, password or refresh_token",
	}},
}

// anywhere is a file with a connection to Automation Anywhere.
func anywhere(generation, credential string) string {
	return strings.NewReplacer(
		"product: uipath", "product: automation_anywhere\n    generation: "+generation,
		"grant: static", "grant: control_room", "token: {env: TOKEN}", credential, "folder: Finance, ", "",
	).Replace(good)
}

// veeam is a file with a connection to Veeam Recovery Orchestrator.
func veeam(grant, credential, route string) string {
	return strings.NewReplacer("product: uipath", "product: veeam", "grant: static", "grant: "+grant,
		"token: {env: TOKEN}", credential, "fixed: {folder: Finance, queue: Invoices}", route).Replace(good)
}
