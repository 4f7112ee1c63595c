package veeam

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// Orchestrator is a simulated Veeam Recovery Orchestrator. Faults, counts,
// violations, URL and Close are those of its Server. All methods may be called at
// any time and from any goroutine.
type Orchestrator struct {
	*server.Server

	settings  Settings
	passcodes server.Passcodes
	ledger    server.Ledger
	library   library

	mu           sync.Mutex // guards the rest
	tokenLife    time.Duration
	refuseRenew  bool
	users        map[string]User     // by name in lower case
	clients      []Client            // in the order of their making
	access       map[string]*session // by access token
	refresh      map[string]*session // by refresh token
	secondFactor map[string]string   // user's name by mfa token
	peakLive     int
}

// Start begins to listen and returns at once. The caller must Close it. The
// error is a listener that could not be opened, a bad ClientCAPEM or a version
// that is not known.
func Start(settings Settings) (*Orchestrator, error) {
	s := settings.withDefaults()
	if versions[s.Version] == nil {
		return nil, fmt.Errorf("veeam simulator: no version %q", s.Version)
	}
	base, err := server.New(s.Server)
	if err != nil {
		return nil, err
	}
	o := &Orchestrator{
		Server: base, settings: s, tokenLife: s.TokenLife, clients: s.Clients, users: map[string]User{},
		access: map[string]*session{}, refresh: map[string]*session{}, secondFactor: map[string]string{},
	}
	for _, u := range s.Users {
		o.SetUser(u)
	}
	err = base.Open(server.Product{Operation: o.find, Inspect: o.InspectQuery, Serve: o.answer, Refusal: o.refusal})
	if err != nil {
		base.Close()
		return nil, err
	}
	return o, nil
}

// SetUser adds a user or replaces the one of that name. Tokens that were given
// to it go on working.
func (o *Orchestrator) SetUser(u User) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.users[strings.ToLower(u.Username)] = u
}

// SetClientSecret changes the secret of a client that is there. An empty one
// refuses every log-in.
func (o *Orchestrator) SetClientSecret(id, secret string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.clients {
		if o.clients[i].ID == id {
			o.clients[i].Secret = secret
		}
	}
}

// Clients are the clients there are, in the order of their making.
func (o *Orchestrator) Clients() []Client {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Client(nil), o.clients...)
}

// SetTokenLife changes the life of the access tokens given from now on.
func (o *Orchestrator) SetTokenLife(life time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokenLife = life
}

// RefuseRefresh answers every refresh token with invalid_grant from now on, or
// stops doing so.
func (o *Orchestrator) RefuseRefresh(refuse bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuseRenew = refuse
}
