package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/config"
)

const canary = "cAnArY"

// TestNoSecretInProblems plants a text in every place where somebody may have
// put a secret, rightly or wrongly; each file is faulty.
func TestNoSecretInProblems(t *testing.T) {
	t.Parallel()
	token := func(value string) string { return strings.Replace(good, "{env: TOKEN}", value, 1) }
	instead := func(old, value string) string { return strings.Replace(good, old, value, 1) }
	files := map[string]string{
		"literal beside a fault":    token(`"cAnArY"`) + "zebra: 1\n",
		"file beside a fault":       token(`{file: /run/cAnArY}`) + "zebra: 1\n",
		"environment":               good + "zebra: ${SECRET}\n",
		"key of a secret":           token(`{cAnArY}`),
		"key of a secret, value":    token(`{cAnArY: "${NOT_SET}"}`),
		"key of a secret, twice":    token("{cAnArY: 1, cAnArY: 2}"),
		"key of a secret, deep":     token("{cAnArY: {a: *b}}"),
		"key of a secret, block":    token("\n          cAnArY: x"),
		"list":                      token("[cAnArY]"),
		"list of variables":         token(`["cAnArY${NOT_SET}"]`),
		"name of a variable":        token(`{env: "cAnArY!"}`),
		"two forms":                 token("{env: cAnArY, file: cAnArY}"),
		"reserved character":        token("@cAnArY"),
		"another one":               token("`cAnArY`"),
		"percent":                   token("%cAnArY") + "zebra: 1\n",
		"anchor":                    token("&cAnArY"),
		"alias":                     token("*cAnArY"),
		"tag":                       token("!cAnArY x"),
		"standard tag":              token("!!cAnArY"),
		"block header":              token("|cAnArY"),
		"folded header":             token(">cAnArY"),
		"open double quote":         token(`"cAnArY`),
		"open single quote":         token(`'cAnArY`),
		"escape":                    token(`"cAnArY\q"`),
		"colon":                     token("a: cAnArY: b"),
		"brace":                     token("{cAnArY"),
		"bracket":                   token("[cAnArY"),
		"question mark":             token("? cAnArY"),
		"line break":                token("cAnArY\n  cAnArY\n"),
		"indentation":               token("x\n         cAnArY: cAnArY"),
		"open variable":             token("cAnArY${"),
		"no variable":               token("${cAnArY!}"),
		"default in a default":      token("${NOT_SET:-cAnArY${X}}"),
		"version":                   "%YAML cAnArY\n---\n" + good,
		"not UTF-8":                 token("cAnArY\xff"),
		"control character":         instead("queue: Invoices", `queue: "cAnArY\n"`),
		"user of a url":             instead("https://", "https://user:cAnArY@"),
		"query of a url":            instead(".example.com", ".example.com/?token=cAnArY"),
		"fragment of a url":         instead(".example.com", ".example.com/#cAnArY"),
		"port of a url":             instead(".example.com", ".example.com:cAnArY"),
		"escape in a url":           instead(".example.com", ".example.com/%zzcAnArY"),
		"url":                       instead("https://orchestrator.example.com", "${SECRET}"),
		"token url":                 token("a\n        token_url: https://u:cAnArY@host"),
		"nats url":                  good + "nats: {url: 'nats://u:cAnArY@host'}\n",
		"nats url, broken":          good + "nats: {url: 'nats://u:cAnArY@host:x'}\n",
		"nats url, no scheme":       good + "nats: {url: cAnArY}\n",
		"nats user alone":           good + "nats: {url: 'nats://a', user: cAnArY}\n",
		"nats password alone":       good + "nats: {url: 'nats://a', password: cAnArY}\n",
		"nats with two":             good + "nats: {url: 'nats://a', token: cAnArY, nkey_file: cAnArY}\n",
		"product":                   instead("uipath", "${SECRET}"),
		"grant":                     instead("static", "cAnArY"),
		"number":                    good + "    max_in_flight: ${SECRET}\n",
		"duration":                  good + "    ack_wait: ${SECRET}\n",
		"duration like a secret":    good + "    ack_wait: 5cAnArY\n",
		"boolean":                   good + "    pause: ${SECRET}\n",
		"switch":                    good + "    reject_guard: ${SECRET}\n",
		"choice":                    good + "    on_unknown: ${SECRET}\n",
		"listen":                    good + "admin: {listen: cAnArY}\n",
		"mapping":                   good + "log: cAnArY\n",
		"list of subjects":          instead("[jobs.invoices.>]", "cAnArY"),
		"subject":                   instead("[jobs.invoices.>]", "[jobs.>, jobs.cAnArY, cAnArY, 'cAnArY ']"),
		"subjects of two routes":    instead("jobs.invoices.>", "jobs.cAnArY") + "  - {name: b, subjects: [jobs.cAnArY], connection: acme}\n",
		"name":                      instead("name: invoices", "name: cAnArY!"),
		"name given twice":          instead("name: invoices", "name: cAnArY\n    name: cAnArY"),
		"connection of a route":     instead("connection: acme", "connection: cAnArY"),
		"stream":                    good + "stream: {name: cAnArY.x, subjects: [jobs.>, jobs.cAnArY]}\n",
		"same streams":              good + "stream: {name: cAnArY}\ndead_letter: {stream: cAnArY, subject: jobs.cAnArY}\n",
		"bucket":                    good + "ledger: {bucket: cAnArY.x}\n",
		"content":                   good + "    defaults: {content: {a: .inf, b: cAnArY, c: cAnArY}}\n    zebra: 1\n",
		"content as a text":         good + "    defaults: {content: cAnArY}\n",
		"transform":                 good + "    transform: 'cAnArY${'\n",
		"plan":                      veeam("password", "username: u\n        password: cAnArY", "allow: {plans: [{plan: '*', actions: [cAnArY, 'cAnArY!']}]}"),
		"another document":          good + "---\ncAnArY\n",
		"the whole file":            canary + "\n",
		"too much for the grant":    token("a\n        client_secret: cAnArY\n        password: cAnArY"),
		"misspelt key of a secret":  instead("token: {env: TOKEN}", "tokenn: cAnArY"),
		"misspelt key, in a list":   instead("token: {env: TOKEN}", "tokenn: [cAnArY]"),
		"secret as a list of pairs": token("\n          - cAnArY: x"),
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse("q.yaml", []byte(file), lookup("TOKEN", canary, "SECRET", canary))
			if err == nil {
				t.Fatalf("the file is taken for good: %+v", c)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, problemsOf(t, err), problemsOf(t, err)), canary) {
				t.Errorf("the secret is in the problems:\n%v", err)
			}
		})
	}
}

// TestNoSecretInConfig prints a whole configuration.
func TestNoSecretInConfig(t *testing.T) {
	t.Parallel()
	file := strings.Replace(good, "https://", "http://", 1) + "nats: {url: 'nats://a', user: u, password: \"${TOKEN}\"}\n"
	c := parse(t, file, "TOKEN", canary)
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, canary) {
		t.Errorf("the secret is printed: %s", text)
	}
	for read, source := range map[string]interface{ Read() (string, error) }{
		"token": c.Connections[0].Credentials[0].Token, "password": c.NATS.Password,
	} {
		if got, err := source.Read(); got != canary || err != nil {
			t.Errorf("the %s reads as %q, %v", read, got, err)
		}
	}
}

// TestMissingSecretFile is no fault: it may come later.
func TestMissingSecretFile(t *testing.T) {
	t.Parallel()
	c := parse(t, strings.Replace(good, "{env: TOKEN}", `{file: "/nowhere/${NAME}"}`, 1), "NAME", "token")
	if got := c.Connections[0].Credentials[0].Token.Path(); got != "/nowhere/token" {
		t.Errorf("the token is read from %q", got)
	}
}
