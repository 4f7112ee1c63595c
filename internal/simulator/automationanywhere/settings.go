package automationanywhere

import (
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Generation is a family of Control Rooms with paths of its own.
type Generation string

// The generations.
const (
	E11  Generation = "e11"  // Enterprise 11
	A360 Generation = "a360" // Automation 360, from v.33 on
)

// Settings is what a simulated Control Room is made of. The zero value is an
// Automation 360 with one account, "queueferry" with the password "secret" and
// the API key "key".
type Settings struct {
	// Server is what is common to all simulators.
	Server server.Settings
	// Generation decides which paths there are. Empty: A360.
	Generation Generation
	// Accounts that may log in. None: the default one.
	Accounts []Account
	// TokenLife is how long a token works, and exp - iat in it. 0: 20 minutes. Less
	// than a second works so long, and tells of one second.
	TokenLife time.Duration
	// OpaqueTokens are no JWTs: they tell nothing of their life.
	OpaqueTokens bool
	// RenewalVoids ends a token when it is renewed. That the old one lives on is not
	// documented, nor that it does not.
	RenewalVoids bool
	// ReusablePasscodes accepts a passcode of a second factor more than once.
	ReusablePasscodes bool
}

// Account is a user of the Control Room.
type Account struct {
	Username string
	// Password and APIKey: an empty one refuses every log-in by it.
	Password, APIKey string
	// TOTPSecret in base32 makes Enterprise 11 demand an mfaCode. Empty: none.
	TOTPSecret string
	// MultipleSessions is the user's setting "Allow multiple sessions", without which
	// multipleLogin is without effect.
	MultipleSessions bool
	// Disabled accounts are answered 403.
	Disabled bool
}

const defaultTokenLife = 20 * time.Minute

func (s Settings) withDefaults() Settings {
	if s.Generation == "" {
		s.Generation = A360
	}
	if s.TokenLife == 0 {
		s.TokenLife = defaultTokenLife
	}
	if len(s.Accounts) == 0 {
		s.Accounts = []Account{{Username: "queueferry", Password: "secret", APIKey: "key"}}
	}
	return s
}
