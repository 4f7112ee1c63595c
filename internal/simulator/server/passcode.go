package server

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"
)

const passcodePeriod = 30 // seconds

// Passcodes judges the six digits of second factors (RFC 6238, SHA-1, 30 s). A
// passcode is good for its own time step and the ones beside it, and once only.
type Passcodes struct {
	mu   sync.Mutex
	used map[string]int64 // the latest step, by secret
}

// Accept reports whether code is a fresh passcode of the base32 secret, and uses
// it up.
func (p *Passcodes) Accept(secret, code string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := now.Unix() / passcodePeriod
	for _, near := range []int64{step - 1, step, step + 1} {
		if last, again := p.used[secret]; again && near <= last || passcode(secret, near) != code {
			continue
		}
		if p.used == nil {
			p.used = map[string]int64{}
		}
		p.used[secret] = near
		return true
	}
	return false
}

// Passcode is the six digits of a base32 secret at a time.
func Passcode(secret string, at time.Time) string { return passcode(secret, at.Unix()/passcodePeriod) }

func passcode(secret string, step int64) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimRight(secret, "=")))
	if err != nil {
		panic(err) // a test's own mistake
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:])&0x7fffffff%1_000_000)
}
