package uipath

import (
	"net/http"
	"time"
)

// Settings is what a simulated tenant is made of. The zero value is a tenant
// "prod" of the organisation "acme" with one client, "queueferry" with the
// secret "secret" and every scope, whose tokens live for an hour.
type Settings struct {
	// Listen and IdentityListen are the addresses of the two servers. Empty: a
	// free port of 127.0.0.1.
	Listen, IdentityListen string
	// Organization and Tenant are the first two parts of the path. Empty: acme, prod.
	Organization, Tenant string
	// Clients are the external applications that may log in. None: the default one.
	Clients []Client
	// Users may log in by name and password: at the identity server by the password
	// grant, at the API by the legacy log-in. None: both are not there.
	Users []User
	// TokenLife is how long a token works. 0: one hour.
	TokenLife time.Duration
	// LegacyTokenLife is how long a token of the legacy log-in works; its answer does
	// not tell. 0: 30 minutes.
	LegacyTokenLife time.Duration
	// LegacyJWT makes such a token a JWT; else it tells nothing.
	LegacyJWT bool
	// LegacyRefusal is the status of a refused legacy log-in: 400 with error code 1000,
	// 401, or 200 with success false. 0: 400.
	LegacyRefusal int
	// ClientAuth limits how a client may show its secret to the identity server.
	ClientAuth ClientAuth
	// Standalone puts the API at the root of its server, without organisation and
	// tenant in the path.
	Standalone bool
	// OmitExpiresIn leaves expires_in out of the token's answer.
	OmitExpiresIn bool
	// LookUpsPerMinute limits the lists of queue items and jobs, over any sliding
	// minute of the tenant. 0: 100, as the product does for use that is not
	// automation (UiPath Orchestrator API guide, Rate limits). Negative: no limit.
	LookUpsPerMinute int
	// ContentLimit is the largest content of an item, in UTF-16 units of its
	// JSON. 0: 256,000.
	ContentLimit int
	// MaxBody is the largest request body, in bytes. 0: 30,000,000.
	MaxBody int64
	// MaxFilterNodes is how big a $filter may be, counted as the product's OData
	// library counts: four nodes for a comparison or a function, one for each
	// and, or and not. 0: 100, which is room for 19 references of one queue.
	MaxFilterNodes int
	// RecordCalls is how many acting calls are kept for Calls, the latest ones.
	// 0: none.
	RecordCalls int
	// ClockSkew is how far the server's clock is ahead of ours; negative: behind.
	ClockSkew time.Duration
	// JobsKeepNoReference accepts the Reference of a start and shows none: a list
	// filtered by it is empty. That jobs can be found by it is not documented.
	JobsKeepNoReference bool
	// Seed makes the faults with a probability repeatable. 0: 1.
	Seed uint64
	// TLS serves HTTPS and HTTP/2 under a certificate of a CA made for the
	// occasion; see Orchestrator.CAPEM.
	TLS bool
	// ClientCAPEM demands a client certificate of this CA, with TLS only. Empty: none.
	ClientCAPEM []byte
	// LowerCaseBulkAnswer writes the members of a bulk answer as older servers
	// documented them: success, message, failedItems.
	LowerCaseBulkAnswer bool
}

// Client is an external application.
type Client struct {
	ID, Secret string
	// Public clients have no secret and log in for users only.
	Public bool
	// Scopes it may ask for. None: all of AllScopes.
	Scopes []string
}

// User is one who may log in by name and password. Letters of the name do not
// count.
type User struct {
	Username, Password string // an empty password refuses every log-in
}

// ClientAuth is how a client shows its secret.
type ClientAuth int

// The ways of RFC 6749, section 2.3.1.
const (
	AnyAuth   ClientAuth = iota
	PostOnly             // in the form
	BasicOnly            // as HTTP Basic
)

// AllScopes are the scopes that a client has unless it is told otherwise.
var AllScopes = []string{
	"OR.Default", "OR.Queues", "OR.Queues.Read", "OR.Queues.Write", "OR.Jobs", "OR.Jobs.Read", "OR.Jobs.Write",
	"OR.Execution", "OR.Execution.Read", "OR.Folders", "OR.Folders.Read",
}

// The product's own limits.
const (
	defaultTokenLife      = time.Hour
	defaultLegacyLife     = 30 * time.Minute
	defaultLookUps        = 100
	defaultContentLimit   = 256_000
	defaultMaxBody        = 30_000_000
	defaultMaxFilterNodes = 100
	maxBulkItems          = 15_000 // Upload.Queues.MaxNumberOfItems
	maxReference          = 128    // UTF-16 units
	maxQueryBytes         = 2048   // a longer query string never reaches the application
)

// withDefaults fills in what was left at zero.
func (s Settings) withDefaults() Settings {
	setDefault(&s.Listen, "127.0.0.1:0")
	setDefault(&s.IdentityListen, "127.0.0.1:0")
	setDefault(&s.Organization, "acme")
	setDefault(&s.Tenant, "prod")
	setDefault(&s.TokenLife, defaultTokenLife)
	setDefault(&s.LegacyTokenLife, defaultLegacyLife)
	setDefault(&s.LegacyRefusal, http.StatusBadRequest)
	setDefault(&s.LookUpsPerMinute, defaultLookUps)
	setDefault(&s.ContentLimit, defaultContentLimit)
	setDefault(&s.MaxBody, defaultMaxBody)
	setDefault(&s.MaxFilterNodes, defaultMaxFilterNodes)
	setDefault(&s.Seed, 1)
	if len(s.Clients) == 0 {
		s.Clients = []Client{{ID: "queueferry", Secret: "secret"}}
	}
	return s
}

// prefix of every path of the API.
func (s *Settings) prefix() string {
	if s.Standalone {
		return ""
	}
	return "/" + s.Organization + "/" + s.Tenant + "/orchestrator_"
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
