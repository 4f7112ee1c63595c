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

	// OmitPage leaves page out of the answers of lists.
	OmitPage bool
	// Patterns makes % and _ in the value of a substring filter stand for any
	// characters, and for one. What they mean is not documented.
	Patterns bool
	// TextIDs makes Automation 360 write ids as texts too, as Enterprise 11 does.
	TextIDs bool
	// Created answers adds and deployments with 201 in place of 200.
	Created bool

	// SingleAnswer answers an add of one item with the item itself in place of a list.
	SingleAnswer bool
	// Batches is what becomes of an add in which an item is at fault.
	Batches Batches
	// MaxItems is the most items of one add; more are refused with 400. 0: no limit,
	// none is published.
	MaxItems int

	// BlindLists is how many lists of activities leave a deployment out that they
	// should show, counted for each deployment. With 1 the first one is empty and the
	// second has it. 0: none; see server.Lagging for a lag by time.
	BlindLists int
	// NamesNotFiltered refuses a list of activities filtered by automationName: only
	// other fields are documented.
	NamesNotFiltered bool
	// NameSuffix appends a time and the user to the automationName of a deployment, as
	// the server does to a name of its own making.
	NameSuffix bool
	// TrustedCallbacks are the beginnings of URLs that callbackInfo may name. None: any.
	TrustedCallbacks []string
	// TypedVariables lets Enterprise 11 accept variables under the name of their type;
	// only texts are documented.
	TypedVariables bool
	// ReferenceVariable names the variable whose text is the reference of a deployment
	// on Enterprise 11. Empty: they have none.
	ReferenceVariable string
	// MissingRunner is the status for an unknown device, run-as user or pool. 0: 404
	// for a device, 412 for the others.
	MissingRunner int
}

// Batches is what becomes of an add in which an item is at fault: whether all
// or none are added is not documented.
type Batches int

// The fates of a batch.
const (
	AllOrNothing Batches = iota // it is refused, and nothing added
	SkipFaulty                  // the other items are added, and the answer shows no more than those
	RefuseLate                  // it is refused, and the items before the faulty one are added all the same
)

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
	// Forbidden are operations for which the account lacks the role, answered 403 in
	// the envelope.
	Forbidden []server.Operation
	// ForbiddenQueues are names of queues of which the account is neither owner,
	// participant nor consumer: they are listed, their items are answered 403.
	ForbiddenQueues []string
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
