package authpool

import (
	"encoding/json"
	"time"
)

// dialect is how a product words the answers of its log-in.
type dialect struct {
	// read takes out of a body what may be known of it; the body may be anything.
	read func(body []byte) said
	// refusing are the statuses with which an error in the product's own words
	// condemns the credential, whatever its code, unless that blames the server. A
	// 401 always does.
	refusing []int
	// life is that of a token if neither the answer nor a JWT tells it. 0: the
	// pool's default.
	life time.Duration
}

// said is what a body says. All but code is the server's text and is kept out of
// errors and logs.
type said struct {
	token     string        // empty: none
	refresh   string        // the refresh token that came with it
	challenge string        // what a second factor is to be sent with
	life      time.Duration // 0: not told
	// code is why there is no token: a listed code, or codeOther for any other
	// error in the product's own words. Empty: the body is no such error.
	code string
}

// oauthDialect is that of OAuth 2.0 (RFC 6749, sections 5.1 and 5.2).
var oauthDialect = dialect{read: readOAuth, refusing: []int{400}}

func readOAuth(body []byte) said {
	var fields struct {
		Token   json.RawMessage `json:"access_token"`
		Refresh json.RawMessage `json:"refresh_token"`
		Expires json.RawMessage `json:"expires_in"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &fields) != nil {
		return said{}
	}
	return said{
		token:   text(fields.Token),
		refresh: text(fields.Refresh),
		life:    parseLife(fields.Expires),
		code:    listed(text(fields.Error)),
	}
}

// text is the JSON string in raw; empty where it is none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
