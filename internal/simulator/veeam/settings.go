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
	// EmptyUnauthorized answers 401 without a body.
	EmptyUnauthorized bool
	// MFAStatus of the answer that asks for a passcode. 0: 200. MFATokenName is the
	// member with the token in it. Empty: mfa_token. Neither is documented.
	MFAStatus    int
	MFATokenName string
	// ReusablePasscodes accepts a passcode of a second factor more than once.
	ReusablePasscodes bool
}

// User is an account of the orchestrator.
type User struct {
	Username string // DOMAIN\USERNAME or USERNAME; letters do not count
	Password string // empty refuses every log-in
	// TOTPSecret in base32 makes the server ask for a passcode. Empty: none.
	TOTPSecret string
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
