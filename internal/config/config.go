// Package config reads the one YAML file: strictly, with every problem at once
// and where it stands.
package config

import (
	"time"

	"github.com/queueferry/queueferry/internal/request"
	"github.com/queueferry/queueferry/internal/retry"
	"github.com/queueferry/queueferry/internal/secret"
)

// Config is the whole file with every default filled in. It is read only.
type Config struct {
	NATS          NATS
	Stream        Stream
	DeadLetter    DeadLetter
	Outcomes      *Outcomes // nil: no outcome events
	Ledger        Ledger
	Connections   []Connection // in the order of the file
	Routes        []Route      // in the order of the file
	Admin         Admin
	Log           Log
	ShutdownGrace time.Duration // default 25 s
	// Warnings are not errors, but worth a line in the log. Each has the form
	// of a [Problem].
	Warnings []string

	source *source // nil where it was not read from a file
}

// NATS says how to reach the NATS servers. Exactly one of URL and Embedded is
// set, and at most one way to log in. With Embedded there are no files and no TLS.
type NATS struct {
	URL             string // several: comma separated; without user info
	Embedded        *Embedded
	CredentialsFile string
	NKeyFile        string
	User            string
	Password        secret.Source
	Token           secret.Source
	TLS             TLS
}

// Embedded is a JetStream server inside the worker. It asks for User and
// Password, or Token, of [NATS] where they are set; beyond loopback they always
// are.
type Embedded struct {
	Listen   string // host:port, port 0: a free one; default 127.0.0.1:4222
	StoreDir string // default queueferry-data
}

// TLS names PEM files. Empty fields mean the system's CAs and no client
// certificate. Certificates are always verified.
type TLS struct{ CAFile, CertFile, KeyFile string }

// Manage says whether what is missing on the server is made.
type Manage string

// The values of stream.manage.
const (
	ManageCreate Manage = "create" // make what is missing, never update what exists
	ManageNever  Manage = "never"  // only use what is there
)

// Stream is the work-queue stream that requests are published to.
type Stream struct {
	Name            string
	Subjects        []string
	Manage          Manage
	Replicas        int
	MaxBytes        int64 // 0: no limit
	DuplicateWindow time.Duration
}

// DeadLetter is the stream of messages set aside. Dead letters are published
// to <Subject>.<route>.<hash>.
type DeadLetter struct {
	Stream, Subject string
	MaxAge          time.Duration // 0: kept until purged
}

// Outcomes is the stream of outcome events, published to <Subject>.<route>.
type Outcomes struct {
	Stream, Subject string
	MaxAge          time.Duration // default 24 h
}

// Ledger is the key-value bucket of attempts and claims.
type Ledger struct {
	Bucket string
	TTL    time.Duration // how long a finished request is remembered; default 168 h
}

// Product is an orchestrator product.
type Product string

// The products.
const (
	UiPath             Product = "uipath"
	AutomationAnywhere Product = "automation_anywhere"
	Veeam              Product = "veeam"
)

// Connection is one account on one orchestrator tenant.
type Connection struct {
	Name             string
	Product          Product
	URL              string // absolute, without user info, query, fragment and a slash at its end
	Tenant           string // UiPath: X-UIPATH-TenantName; empty: not sent
	Generation       string // Automation Anywhere: e11 or a360
	APIVersion       string // Veeam: default v7.21
	Credentials      []Credential
	TLS              TLS
	Timeout          time.Duration // of one call; default 20 s
	MaxConcurrent    int           // calls at once, per pod; default 32
	Rate             float64       // calls per second and pod; 0: no limit
	Breaker          retry.Breaker
	Settle           time.Duration // how late a call that we gave up on may still be committed; default 60 s
	LookUpsPerMinute int           // per pod; default 30
	ContentLimit     int           // UTF-16 units of an item's content; default 256000
}

// Grant is a way to log in.
type Grant string

// The grants.
const (
	ClientCredentials Grant = "client_credentials"
	Password          Grant = "password"
	RefreshToken      Grant = "refresh_token"
	Static            Grant = "static"
	UiPathLegacy      Grant = "uipath_legacy"
	ControlRoom       Grant = "control_room"
)

// AuthMethod is how an OAuth client proves who it is, by its name in RFC 7591.
type AuthMethod string

// The methods.
const (
	ClientSecretPost  AuthMethod = "client_secret_post"
	ClientSecretBasic AuthMethod = "client_secret_basic"
)

// Credential is one way to log in. What is needed depends on the product and on
// Grant, and is set; what is not used is not set. ControlRoom has either APIKey
// or Password.
type Credential struct {
	Grant         Grant
	TokenURL      string
	RevocationURL string
	AuthMethod    AuthMethod // empty: client_secret_post
	ClientID      string
	ClientSecret  secret.Source
	Scopes        []string
	Username      string
	Password      secret.Source
	APIKey        secret.Source
	RefreshToken  secret.Source
	Token         secret.Source
	TOTPSecret    secret.Source
	MultipleLogin bool
}

// Batch says how requests are put together into one call.
type Batch struct {
	Max    int           // 1: single calls; default 100
	Linger time.Duration // how long to wait for more; default 0
}

// OnUnknown says what becomes of a request of which nobody can tell whether it
// was carried out.
type OnUnknown string

// The values of on_unknown.
const (
	Park   OnUnknown = "park"   // dead letter with the reason unknown_outcome
	Resend OnUnknown = "resend" // send it again: it may be carried out twice
)

// OnDuplicate says what becomes of a request whose unique reference belongs to
// an item that we did not make.
type OnDuplicate string

// The values of on_duplicate.
const (
	Compare        OnDuplicate = "compare" // equal content is a Duplicate, other a reference_conflict
	AckOnDuplicate OnDuplicate = "ack"
)

// Route leads subjects to a connection. It has one durable consumer of its name.
type Route struct {
	Name            string
	Subjects        []string
	Connection      string
	Defaults, Fixed request.Preset
	Allow           request.Allow
	Transform       string // a jq program; empty: none
	Batch           Batch
	MaxInFlight     int           // messages in hand, per pod; default 256
	MaxAckPending   int           // messages in hand or parked, all pods; default 65536
	AckWait         time.Duration // default 30 s
	Retry           retry.Settings
	OnUnknown       OnUnknown
	OnDuplicate     OnDuplicate
	RejectGuard     bool // default on
	Pause           bool
	ReferenceColumn string // Automation Anywhere
}

// Admin is the read-only HTTP listener.
type Admin struct {
	Listen string // host:port, port 0: a free one; default 127.0.0.1:8080
}

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // json or console
}
