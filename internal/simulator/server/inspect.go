package server

import (
	"net/url"
	"slices"
	"strings"
)

// secretNames are query options that would put a secret into the log of every
// proxy on the way.
var secretNames = []string{
	"access_token", "refresh_token", "token", "authorization", "x-authorization", "client_secret", "api_key", "apikey",
	"password", "mfa_token", "mfa_passcode",
}

// inspect writes down what a caller should never do, whatever comes of the call.
func (s *Server) inspect(c *Call) {
	// net/http repeats a POST by itself when it bears one of these.
	if len(c.Header["Idempotency-Key"]) > 0 || len(c.Header["X-Idempotency-Key"]) > 0 {
		s.Violate(c, "an idempotency key was sent")
	}
	if c.Header.Get("User-Agent") == "" {
		s.Violate(c, "no User-Agent")
	}
	if s.product.Inspect != nil {
		s.product.Inspect(c)
	}
}

// InspectQuery notes every secret that stands in the URL.
func (s *Server) InspectQuery(c *Call) {
	for pair := range strings.SplitSeq(c.Query, "&") {
		rawName, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(rawName); err == nil && slices.Contains(secretNames, strings.ToLower(name)) {
			s.Violate(c, "a secret in the URL: "+name)
		}
	}
}
