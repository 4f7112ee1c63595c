package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/go-json-experiment/json"
)

// JWT makes a token of claims with a signature of random bytes: the simulators
// know a token by having kept it.
func JWT(algorithm string, claims map[string]any) string {
	encode := base64.RawURLEncoding.EncodeToString
	part := func(v any) string {
		text, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			panic(err) // claims are texts, numbers and lists of them
		}
		return encode(text)
	}
	signature := make([]byte, 256)
	_, _ = rand.Read(signature)
	return part(map[string]any{"alg": algorithm, "typ": "JWT"}) + "." + part(claims) + "." + encode(signature)
}

// Opaque is a token that tells nothing.
func Opaque() string {
	b := make([]byte, 48)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewID is a random GUID, in lower case.
func NewID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b)
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// Seconds is a life as the products tell it: whole seconds, at least one.
func Seconds(life time.Duration) int64 { return max(1, int64(life/time.Second)) }
