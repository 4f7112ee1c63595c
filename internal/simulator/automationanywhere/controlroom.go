package automationanywhere

import (
	"strings"
	"sync"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// ControlRoom is a simulated Control Room. Faults, counts, effects, violations, URL
// and Close are those of its Server. All methods may be called at any time and from
// any goroutine.
type ControlRoom struct {
	*server.Server

	settings  Settings
	passcodes server.Passcodes
	ledger    server.Ledger

	mu             sync.Mutex // guards the rest
	tokenLife      time.Duration
	refuseRenewals bool
	accounts       map[string]Account // by name in lower case
	sessions       map[string]session // by token
	peakLive       int
	lastID         int64
	queues         []Queue
	items          []*WorkItem // oldest first
	files          []File
	devices        []Device
	runAsUsers     []RunAsUser
	pools          []Pool
	deployments    []*Deployment // oldest first
}

// Start begins to listen and returns at once. The caller must Close it. The
// error is a listener that could not be opened, or a bad ClientCAPEM.
func Start(settings Settings) (*ControlRoom, error) {
	s := settings.withDefaults()
	base, err := server.New(s.Server)
	if err != nil {
		return nil, err
	}
	room := &ControlRoom{
		Server: base, settings: s, tokenLife: s.TokenLife,
		accounts: map[string]Account{}, sessions: map[string]session{},
	}
	for _, a := range s.Accounts {
		room.SetAccount(a)
	}
	err = base.Open(server.Product{Operation: room.find, Inspect: room.inspect, Serve: room.answer, Refusal: refusal})
	if err != nil {
		base.Close()
		return nil, err
	}
	return room, nil
}

// SetAccount adds an account or replaces the one of that name. Tokens that were
// given to it go on working.
func (o *ControlRoom) SetAccount(a Account) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.accounts[strings.ToLower(a.Username)] = a
}

// SetTokenLife changes the life of the tokens given from now on.
func (o *ControlRoom) SetTokenLife(life time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokenLife = life
}

// RefuseRenewals answers every renewal 401 from now on, or stops doing so.
func (o *ControlRoom) RefuseRenewals(refuse bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuseRenewals = refuse
}
