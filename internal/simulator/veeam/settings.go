package veeam

import (
	"net/http"
	"slices"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Settings is what a simulated orchestrator is made of. The zero value is a
// server 7.2.1 with one user, LAB\queueferry with the password "secret", and one
// client of that user, "client" with the secret "client-secret".
type Settings struct {
	// Server is what is common to all simulators.
	Server server.Settings
	// Version of the product: 7.1, 7.2.1, 13 or 13.1. It decides which versions of the
	// API there are; from 13 on there are no clients. Empty: 7.2.1.
	Version string
	// Users that may log in. None: the default one.
	Users []User
	// Clients of users. None: the default one, if Users is the default too.
	Clients []Client
	// TokenLife is how long an access token works; expires_in tells a second less, at
	// least one. 0: 15 minutes.
	TokenLife time.Duration
	// RefreshLife is how long a refresh token works. 0: 120 minutes.
	RefreshLife time.Duration
	// ReusableRefreshTokens go on working after they were used. Whether they do is not
	// documented.
	ReusableRefreshTokens bool
	// RenewalVoids ends the access token that is renewed.
	RenewalVoids bool
	// SingleSession lets a log-in end the other session of the same credentials:
	// sessions may interfere (Working with Clients).
	SingleSession bool
	// OmitExpiresIn and OmitRefreshToken leave a member out of the token's answer.
	OmitExpiresIn, OmitRefreshToken bool
	// EmptyUnauthorized answers 401 without a body, whatever Errors says.
	EmptyUnauthorized bool
	// Errors is the form of error bodies, except those of the token endpoint.
	Errors ErrorShape
	// MFAStatus of the answer that asks for a passcode. 0: 200. MFATokenName is the
	// member with the token in it. Empty: mfa_token. Neither is documented.
	MFAStatus    int
	MFATokenName string
	// ReusablePasscodes accepts a passcode of a second factor more than once.
	ReusablePasscodes bool

	// RunFor is how long a plan runs when an action was taken; negative: until
	// Finish. 0: one second.
	RunFor time.Duration
	// TracelessChecks lets a readiness check end in the state and with the results
	// that were there before it.
	TracelessChecks bool
	// Success is the body of the answer to an action that was taken.
	Success Success
	// OmittableMembers accepts an action's body that lacks some of its members. The
	// reference says that they must be sent.
	OmittableMembers bool
	// BusyStatus answers an action on a plan that runs or is being edited. 0: 409. As
	// with the statuses below, 200 makes sense with WrappedErrors.
	BusyStatus int
	// DisabledStatus answers an action on a plan that is not enabled. 0: 400.
	DisabledStatus int
	// UnknownPlanStatus answers a call for a plan that is not there. 0: 404.
	UnknownPlanStatus int
	// DeniedStatus answers an action of an account that may not act. 0: 403; with 401
	// the answer is that of a bad token.
	DeniedStatus int
	// NameFilter is what a filter of plans by name does.
	NameFilter NameFilter
	// MaxPage is the most plans of one page, also where limit asks for more or is not
	// there. 0: 100.
	MaxPage int
}

// Success is the body of an answer with 200 to an action.
type Success int

// The bodies. Only the first one is documented, for the first version of the API.
const (
	EmptySuccess   Success = iota // none
	NullSuccess                   // null
	WrappedSuccess                // {"data": null, "success": true}
)

// NameFilter is what a filter of plans by name does. The query parameter is
// documented for every property of a plan, and the name is one; no example has it.
type NameFilter int

// The ways.
const (
	FiltersNames NameFilter = iota // letters do not count
	RefusesNames                   // 400
	IgnoresNames                   // the list is as without it
)

// Role is what an account may do.
type Role string

// The roles. The guide says that an author may not run plans; here it may take no
// action at all.
const (
	Administrator Role = "" // everything
	PlanOperator  Role = "Plan Operator"
	PlanAuthor    Role = "Plan Author"
)

// User is an account of the orchestrator.
type User struct {
	Username string // DOMAIN\USERNAME or USERNAME; letters do not count
	Password string // empty refuses every log-in
	// TOTPSecret in base32 makes the server ask for a passcode. Empty: none.
	TOTPSecret string
	// Role of the user and of its clients.
	Role Role
}

// Client is a child credential of a user.
type Client struct {
	ID, Secret string // an empty secret refuses every log-in
	Owner      string // the user's name
}

// versions of the API by that of the product (Veeam Recovery Orchestrator REST
// API reference, Overview).
var versions = map[string][]string{
	"7.1":   {"v7.1"},
	"7.2.1": {"v7.1", "v7.2", "v7.21"},
	"13":    {"v7.2", "v7.21", "v13"},
	"13.1":  {"v7.21", "v13", "v13.1"},
}

func (s Settings) withDefaults() Settings {
	fill(&s.Version, "7.2.1")
	fill(&s.TokenLife, 15*time.Minute)
	fill(&s.RefreshLife, 120*time.Minute)
	fill(&s.MFAStatus, http.StatusOK)
	fill(&s.MFATokenName, "mfa_token")
	fill(&s.RunFor, time.Second)
	fill(&s.BusyStatus, http.StatusConflict)
	fill(&s.DisabledStatus, http.StatusBadRequest)
	fill(&s.UnknownPlanStatus, http.StatusNotFound)
	fill(&s.DeniedStatus, http.StatusForbidden)
	fill(&s.MaxPage, 100)
	if len(s.Users) == 0 {
		s.Users = []User{{Username: `LAB\queueferry`, Password: "secret"}}
		if len(s.Clients) == 0 {
			s.Clients = []Client{{ID: "client", Secret: "client-secret", Owner: `LAB\queueferry`}}
		}
	}
	return s
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// hasClients reports whether the version knows clients and their grant: the
// reference of 13 names neither.
func (s *Settings) hasClients() bool { return slices.Contains([]string{"7.1", "7.2.1"}, s.Version) }

// hasMFA reports whether there is a second factor, which came with v7.21.
func (s *Settings) hasMFA() bool { return s.Version != "7.1" }
