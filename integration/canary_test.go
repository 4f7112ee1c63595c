package integration

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/setup"
)

// canary is a secret that must appear nowhere. Its first twelve characters belong
// to it alone, and the rest is written differently by every encoding.
func canary(kind string) string {
	sum := sha256.Sum256([]byte("canary " + kind))
	return base32.StdEncoding.EncodeToString(sum[:])[:20] + "-" + kind + "+/=&%<'?"
}

// The canaries, by what they are.
var canaries = map[string]string{}

func init() {
	for _, kind := range []string{
		"file", "env", "literal", "pat", "password", "legacy", "access", "refresh", "nats", "apikey", "mfa", "seed", "client", "made",
	} {
		canaries[kind] = canary(kind)
	}
	// These two have alphabets of their own.
	canaries["totp"] = strings.TrimRight(base32.StdEncoding.EncodeToString([]byte(canary("totp"))), "=")
	canaries["key"] = clientKey.secret
	for kind, secret := range canaries {
		formsOf[kind] = forms(secret)
	}
}

// formsOf are the forms of each canary, by its kind.
var formsOf = map[string][]string{}

// forms are the ways in which a secret may be written.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		all = append(all, strings.Trim(string(quoted), `"`))
	}
	for _, s := range []string{secret, secret[:12]} {
		all = append(all, s, strings.ToLower(s), hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))))
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 { // what stands before it moves its digits
				text := e.EncodeToString([]byte("zz"[:before] + s))
				all = append(all, text[(before*8+5)/6:len(text)-len(text)%4-(len(text)%4+3)/4])
			}
		}
	}
	return all
}

// appears is the first form of a canary that stands in text, with what is around it.
func appears(text, kind string) (where string, found bool) {
	for _, form := range formsOf[kind] {
		if i := strings.Index(text, form); i >= 0 {
			return fmt.Sprintf("%q in …%s…", form, text[max(0, i-200):min(len(text), i+len(form)+100)]), true
		}
	}
	return "", false
}

// outputs are texts that somebody may read, by where they were found.
type outputs map[string]string

// clean checks that no canary stands in any of them.
func (o outputs) clean(t *testing.T) {
	t.Helper()
	for name, text := range o {
		for kind := range canaries {
			if where, found := appears(text, kind); found {
				t.Errorf("%s: the canary %s appears: %s", name, kind, where)
			}
		}
	}
}

// Every form of a canary is found in every kind of output, so that the tests below
// can fail.
func TestACanaryIsSeen(t *testing.T) {
	t.Parallel()
	for kind, secret := range canaries {
		b64 := base64.StdEncoding.EncodeToString
		for name, text := range map[string]string{
			"as it is": secret, "in a query": "?x=" + url.QueryEscape(secret) + "&y", "in JSON": fmt.Sprintf("{%q: %q}", "error", secret),
			"HTML": "<p>" + html.EscapeString(secret), "hex": fmt.Sprintf("%x", secret), "HEX": fmt.Sprintf("%X", secret), "its beginning": "x" + secret[:12],
			"Basic, 0": b64([]byte("abc" + secret)), "Basic, 1": b64([]byte("abcd" + secret)), "Basic, 2": b64([]byte("abcde" + secret + "f")),
			"base64 of its beginning": b64([]byte(":" + secret[:12])),
			"lower case":              strings.ToLower(secret),
		} {
			if _, found := appears("before "+text+" after", kind); !found {
				t.Errorf("%s, %s: is not seen", kind, name)
			}
		}
		for other, text := range canaries {
			if where, found := appears(text, kind); found && other != kind {
				t.Errorf("%s is taken for %s: %s", other, kind, where)
			}
		}
	}
}

// printed is a value in all the ways in which it may come into a log.
func printed(v any) string {
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if text, err := json.Marshal(v); err == nil {
		b.Write(text)
	} else {
		b.WriteString(err.Error())
	}
	if err, ok := v.(error); ok {
		b.WriteString(err.Error())
	}
	return b.String()
}

// canaryConnections are all ways to log in, with a canary for every secret.
func canaryConnections(t *testing.T, base, files string) map[string]string {
	t.Helper()
	q := func(kind string) string { return fmt.Sprintf("%q", canaries[kind]) }
	file := func(kind string) string { return fmt.Sprintf("{file: %q}", written(t, canaries[kind])) }
	uipath := "product: uipath\nurl: " + base + "/tenant\n" + files + "\ntimeout: 1s\nsettle: 1s\nbreaker: {failures: 50, open: 50ms}\ncredentials:\n"
	oauth := "token_url: " + base + "/connect/token, revocation_url: " + base + "/connect/revocation, client_id: id, client_secret: "
	room := func(g string) string {
		return "product: automation_anywhere\ngeneration: " + g + "\nurl: " + base + "\n" + files + "\ntimeout: 1s\ncredentials:\n"
	}
	vro := "product: veeam\nurl: " + base + "\n" + files + "\ntimeout: 1s\ncredentials:\n"
	all := map[string]string{
		"uipath-file":    uipath + "  - {grant: client_credentials, " + oauth + file("file") + "}",
		"uipath-env":     uipath + "  - {grant: client_credentials, " + oauth + "{env: QUEUEFERRY_CANARY}}",
		"uipath-literal": uipath + "  - {grant: client_credentials, " + oauth + q("literal") + ", token_endpoint_auth_method: client_secret_basic}",
		"uipath-pat":     uipath + "  - {grant: static, token: " + file("pat") + "}",
		"uipath-user":    uipath + "  - {grant: password, " + oauth + q("literal") + ", username: robot, password: " + q("password") + "}",
		"uipath-legacy":  uipath + "  - {grant: uipath_legacy, username: robot, password: " + q("legacy") + "}",
		"e11":            room("e11") + "  - {grant: control_room, username: robot, password: " + q("password") + ", totp_secret: " + q("totp") + "}",
		"a360":           room("a360") + "  - {grant: control_room, username: robot, api_key: " + q("apikey") + "}",
		"a360-password":  room("a360") + "  - {grant: control_room, username: robot, password: " + q("password") + ", multiple_login: true}",
		"vro":            vro + "  - {grant: password, username: robot, password: " + q("password") + ", totp_secret: " + q("totp") + "}",
		"vro-client":     vro + "  - {grant: client_credentials, client_id: id, client_secret: " + q("client") + "}",
		"vro-refresh":    vro + "  - {grant: refresh_token, refresh_token: " + file("seed") + "}",
	}
	return all
}

// No secret stands in what any part prints of itself, in any error, event or
// state, whatever an orchestrator or its identity server answers to any log-in.
func TestNothingPrintsACanary(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	t.Run("logins", func(t *testing.T) {
		for name, connection := range canaryConnections(t, h.URL(), h.tls(t)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				h.settled(name, connection, t)
				for _, mode := range hostileOrder {
					for _, at := range []string{"identity", "api", "logout"} {
						h.tell(name, connection, at, mode, t)
					}
				}
			})
		}
	})
	h.wasSent(t, "file", "env", "literal", "pat", "password", "legacy", "access", "refresh", "apikey", "mfa", "seed", "client")
}

// wasSent checks that canaries were in play: that the server has seen them.
func (h *hostile) wasSent(t *testing.T, kinds ...string) {
	t.Helper()
	seen := h.seen()
	for _, kind := range kinds {
		if _, found := appears(seen, kind); !found {
			t.Errorf("the canary %s was never sent", kind)
		}
	}
}

// settled prints what does not depend on any answer.
func (h *hostile) settled(name, connection string, t *testing.T) {
	t.Helper()
	cfg := parsed(t, connection)
	target, err := setup.NewTarget(cfg, cfg.Connections[0], setup.Observers{})
	if err != nil {
		t.Fatal(err)
	}
	o := outputs{}
	for i, v := range []any{cfg, *cfg, cfg.Connections, cfg.Connections[0].Credentials, &cfg.Connections[0].Credentials[0], target, &target, target.Client, &target.Client, target.Transport, target.Grants} {
		o[fmt.Sprintf("%s, %d: %T", name, i, v)] = printed(v)
	}
	o.clean(t)
}

// tell uses one way to log in against one hostile answer, and prints what comes of it.
func (h *hostile) tell(name, connection, at, mode string, t *testing.T) {
	t.Helper()
	defer h.set(name, at, mode)()
	cfg := parsed(t, strings.ReplaceAll(connection, h.URL(), h.URL()+"/"+name))
	var mu sync.Mutex
	var b strings.Builder
	note := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		b.WriteString(printed(v) + "\n")
	}
	// Of what holds connections in use only the verbs that stop at a pointer:
	// the others would race with net/http. Settled uses all of them.
	live := func(v any) { note(fmt.Sprintf("%v\n%+v\n%#v", v, v, v)) }
	target, err := setup.NewTarget(cfg, cfg.Connections[0], setup.Observers{Token: func(e authpool.Event) { note(e) }})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r := job.Request{ID: "a", Reference: "a", Action: job.AddQueueItem, Folder: "F", Queue: "Q"}
	if cfg.Connections[0].Product == config.Veeam {
		r = job.Request{ID: "a", Reference: "a", Action: job.StartJob, Process: "P"}
	}
	note(target.Connector.Submit(ctx, orchestrator.Try{Request: &r}))
	note(target.Connector.Probe(ctx, r.Action))
	live(target.Connector)
	lease, err := target.Pool.Lease(ctx)
	note(err)
	note(lease)
	note(target.Pool.State())
	for _, g := range target.Grants {
		exercise(ctx, g, note)
		live(g)
	}
	note(target.Pool)
	live(target)
	lease.Release()
	note(target.Pool.Close(ctx))
	outputs{name + ", " + at + " answers " + mode: b.String()}.clean(t)
}

// exercise has a grant do what the pool may ask of it, with tokens that are canaries.
func exercise(ctx context.Context, g authpool.Grant, note func(any)) {
	token := authpool.Token{Value: canaries["access"], Refresh: canaries["refresh"]}
	note(token)
	if r, ok := g.(authpool.Renewal); ok {
		got, err := r.Renew(ctx, token)
		note(got)
		note(err)
	}
	if l, ok := g.(authpool.Logout); ok {
		note(l.Logout(ctx, token))
	}
	if v, ok := g.(*authpool.ControlRoom); ok {
		valid, err := v.Validate(ctx, token)
		note(valid)
		note(err)
	}
}

// What is wrong with a file is told without what it holds.
func TestABrokenFileTellsNoCanary(t *testing.T) {
	t.Parallel()
	const whole = "nats: {url: \"nats://127.0.0.1:1\"}\nconnections:\n  acme:\n    product: uipath\n    url: https://h/x\n    credentials:\n" +
		"      - grant: client_credentials\n        token_url: https://h/t\n        client_id: id\n        client_secret: %s\n" +
		"routes:\n  - {name: r, subjects: [jobs.>], connection: acme, fixed: {action: add_queue_item, folder: F, queue: Q}}\n"
	secret := canaries["literal"]
	o := outputs{}
	for name, value := range map[string]string{
		"a list": "[\"" + secret + "\"]", "a mapping": "{\"" + secret + "\": 1}", "two keys": "{env: A, file: \"" + secret + "\"}",
		"an unset variable": "{env: \"" + secret + "\"}", "no end": "\"" + secret, "a tab": "\t\"" + secret + "\"\n\t\tx: 1", "a colon": secret + ": x: y",
		"an anchor": "&x " + secret + "\n        client_secret: *x", "an alias": "*" + secret[:12], "a tag": "!!binary " + secret, "twice": "\"" + secret + "\"\n        client_secret: \"" + secret + "\"",
		"a reference": "\"${" + secret + "}\"", "half a reference": "\"${" + secret + "\"", "a bracket": "{" + secret, "a block": "|\n" + secret,
		"an unknown key": "x\n        secret: \"" + secret + "\"", "another secret": "x\n        password: \"" + secret + "\"", "a query": "x\n        revocation_url: \"https://robot:" + secret[:12] + "@h/t?key=" + url.QueryEscape(secret) + "\"", "control": "\"" + secret + "\\u0000\\n\"",
	} {
		if name == "an unset variable" || name == "two keys" || name == "a reference" {
			continue // what stands there is a name and no secret
		}
		_, err := config.Parse("test.yaml", fmt.Appendf(nil, whole, value), func(string) (string, bool) { return "", false })
		o[name] = printed(err)
	}
	o.clean(t)
}
