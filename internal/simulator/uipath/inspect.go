package uipath

import (
	"net/url"
	"slices"
	"strings"
)

// secretNames are query options that would put a secret into the log of every
// proxy on the way.
var secretNames = []string{"access_token", "token", "authorization", "client_secret", "api_key", "apikey", "password"}

// inspect writes down what a caller should never do, whatever comes of the call.
func (o *Orchestrator) inspect(c *call) {
	violate := func(what string) { o.books.violate(string(c.op) + ": " + what) }
	// net/http repeats a POST by itself when it bears one of these.
	if len(c.header["Idempotency-Key"]) > 0 || len(c.header["X-Idempotency-Key"]) > 0 {
		violate("an idempotency key was sent")
	}
	if c.header.Get("User-Agent") == "" {
		violate("no User-Agent")
	}
	if c.query != "" {
		inspectQuery(c.query, violate)
	}
	named := 0
	for _, name := range folderHeaders {
		named += len(c.header[name])
	}
	if named > 1 {
		violate("more than one folder header")
	}
	if path := c.header.Get(headerFolderPath); !isASCII(path) {
		violate("a folder path that is not ASCII in the plain header")
	}
}

func inspectQuery(query string, violate func(string)) {
	for pair := range strings.SplitSeq(query, "&") {
		rawName, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(rawName); err == nil && slices.Contains(secretNames, strings.ToLower(name)) {
			violate("a secret in the URL: " + name)
		}
	}
}
