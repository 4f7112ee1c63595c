package authpool

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

const (
	// minLife is taken for a token that claims to live shorter: a server that
	// gives such tokens must not make us log in without pause.
	minLife = time.Second
	// maxLife is taken for a token that claims to live longer, so that a
	// rotated secret or another right counts within a day.
	maxLife = 24 * time.Hour
	// defaultLife is that of UiPath (Orchestrator API guide, Authenticating: 1 h).
	defaultLife = time.Hour
	// maxFloor is the most that is cut off the end of a life, so that no call
	// begins with a token that ends on its way.
	maxFloor = 5 * time.Second
)

// lifeOf is how long token lives, counted from born, the moment before the
// log-in was sent: what is told of it, else fallback. The result is at least a
// second and at most a day.
func lifeOf(token Token, born time.Time, fallback time.Duration) time.Duration {
	life, told := toldLife(token, born)
	if !told {
		life = fallback
	}
	return min(max(life, minLife), maxLife)
}

// toldLife is what the server said, else what a JWT says. It reports false if
// neither does.
func toldLife(token Token, born time.Time) (life time.Duration, told bool) {
	if !token.Expiry.IsZero() {
		return token.Expiry.Sub(born), true
	}
	life = jwtLife(token.Value)
	return life, life > 0
}

// floor is the part at the end of a life in which a token is not handed out. It is
// at least a second, because a server that counts in whole seconds ends a token by
// up to that much early; less only where fewer than two would be left.
func floor(life time.Duration) time.Duration {
	return min(maxFloor, max(life/10, min(time.Second, life-2*time.Second)))
}

// renewAfter is when to renew a token of that life: at 70 to 90 % of it, by r
// in [0,1), so that the pods of a deployment do not log in all at once; and never
// in the floor.
func renewAfter(life time.Duration, r float64) time.Duration {
	whole := min(life, (life-floor(life))*10/9)
	return time.Duration(float64(whole) * (0.7 + 0.2*r))
}

// parseLife reads expires_in: seconds as a number or as a string, whole or
// with a fraction. 0: missing, not positive or not a number.
func parseLife(raw json.RawMessage) time.Duration {
	s := string(raw)
	if quoted := text(raw); quoted != "" {
		s = quoted
	}
	return seconds(s)
}

// seconds is s as a duration of at most maxLife; 0 unless s is a positive number.
func seconds(s string) time.Duration {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if v > maxLife.Seconds() { // also when s is beyond a float64
		return maxLife
	}
	if err != nil || !(v > 0) {
		return 0
	}
	return max(time.Duration(v*float64(time.Second)), 1)
}

// jwtLife is exp less iat of a JWT, 0 where value is none or lacks one of the
// two. The difference, and not exp, because the clocks may differ. The
// signature is not checked: only the API's word counts.
func jwtLife(value string) time.Duration {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return 0
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return 0
	}
	var claims struct {
		Exp float64 `json:"exp"`
		Iat float64 `json:"iat"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 || claims.Iat <= 0 || claims.Exp <= claims.Iat {
		return 0
	}
	return time.Duration(min(claims.Exp-claims.Iat, maxLife.Seconds()) * float64(time.Second))
}
