package setup

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/secret"
)

const file = `connections:
  acme:
    product: %s
    url: %s
    credentials:
      - {grant: %s}
routes:
  - {name: r, subjects: [jobs.>], connection: acme, fixed: {%s}}
`

func parse(t *testing.T, product, url, grant string) *config.Config {
	t.Helper()
	fixed := "action: start_job, process: P"
	switch name, _, _ := strings.Cut(product, ","); config.Product(name) {
	case config.UiPath:
		fixed += ", folder: F"
	case config.AutomationAnywhere:
		fixed += map[bool]string{true: `, options: {deviceIds: ["1"]}`, false: `, options: {runAsUserIds: ["1"]}`}[strings.Contains(product, "e11")]
	case config.Veeam:
		fixed = "action: start_job}, allow: {plans: [{plan: P}]"
	}
	product = strings.ReplaceAll(product, ", ", "\n    ") // keys beside it
	cfg, err := config.Parse("q.yaml", fmt.Appendf(nil, file, product, url, grant, fixed), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// sameSecret compares where secrets come from.
var sameSecret = cmp.Comparer(func(a, b secret.Source) bool {
	one, _ := a.Read()
	other, _ := b.Read()
	return a.IsSet() == b.IsSet() && a.Path() == b.Path() && one == other
})

// carrier stands for the transport, so that it is seen where it comes out.
var carrier http.RoundTripper = &http.Transport{}

var sameCarrier = cmp.Comparer(func(a, b http.RoundTripper) bool { return a == b })

// Every way to log in becomes its grant, with all that it needs, and with each
// file of its secrets watched.
func TestGrants(t *testing.T) {
	t.Parallel()
	const url = "https://orchestrator.example/acme"
	a, b := secret.File("a"), secret.File("b")
	for name, tt := range map[string]struct {
		product, grant string
		want           authpool.Grant
		files          string
		session        bool
	}{
		"client credentials": {
			"uipath", "client_credentials, token_url: https://id/t, client_id: me, client_secret: {file: a}, scopes: [OR.Jobs], revocation_url: https://id/r",
			&authpool.ClientCredentials{TokenURL: "https://id/t", ClientID: "me", ClientSecret: a, Scopes: []string{"OR.Jobs"}, RevocationURL: "https://id/r", Transport: carrier}, "a", false,
		},
		"client credentials by Basic": {
			"uipath", "client_credentials, token_url: https://id/t, client_id: me, client_secret: s, token_endpoint_auth_method: client_secret_basic",
			&authpool.ClientCredentials{TokenURL: "https://id/t", ClientID: "me", ClientSecret: secret.Literal("s"), Basic: true, Transport: carrier}, "", false,
		},
		"password": {
			"uipath", "password, token_url: https://id/t, client_id: me, client_secret: {file: a}, username: u, password: {file: b}, " +
				"token_endpoint_auth_method: client_secret_basic, revocation_url: https://id/r, scopes: [x]",
			&authpool.Password{TokenURL: "https://id/t", ClientID: "me", ClientSecret: a, Username: "u", Password: b, Scopes: []string{"x"},
				Basic: true, RevocationURL: "https://id/r", Transport: carrier}, "a b", false,
		},
		"static": {"uipath", "static, token: {file: a}", &authpool.Static{Secret: a}, "a", false},
		"legacy": {
			"uipath, tenant: Sales", "uipath_legacy, username: u, password: {file: a}",
			&authpool.UiPathLegacy{URL: url, Tenant: "Sales", Username: "u", Password: a, Transport: carrier}, "a", false,
		},
		"Control Room, API key": {
			"automation_anywhere, generation: a360", "control_room, username: u, api_key: {file: a}",
			&authpool.ControlRoom{URL: url, Generation: "a360", Username: "u", APIKey: a, Transport: carrier}, "a", false,
		},
		"Control Room, password": {
			"automation_anywhere, generation: e11", "control_room, username: u, password: {file: a}, totp_secret: {file: b}",
			&authpool.ControlRoom{URL: url, Generation: "e11", Username: "u", Password: a, TOTPSecret: b, Transport: carrier}, "a b", true,
		},
		"Control Room, several sessions": {
			"automation_anywhere, generation: a360", "control_room, username: u, password: {file: a}, multiple_login: true",
			&authpool.ControlRoom{URL: url, Generation: "a360", Username: "u", Password: a, MultipleLogin: true, Transport: carrier}, "a", true,
		},
		"Veeam, password": {
			"veeam", `password, username: "D\\u", password: {file: a}, totp_secret: {file: b}`,
			&authpool.Veeam{URL: url, Username: `D\u`, Password: a, TOTPSecret: b, Transport: carrier}, "a b", true,
		},
		"Veeam, client": {
			"veeam", "client_credentials, client_id: me, client_secret: {file: a}",
			&authpool.Veeam{URL: url, ClientID: "me", ClientSecret: a, Transport: carrier}, "a", true,
		},
		"Veeam, refresh token": {
			"veeam", "refresh_token, refresh_token: {file: a}", &authpool.Veeam{URL: url, RefreshToken: a, Transport: carrier}, "a", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, tt.product, url, tt.grant).Connections[0]
			got := grants(c, carrier)
			if diff := cmp.Diff(tt.want, got[0], sameSecret, sameCarrier, cmpopts.IgnoreUnexported(authpool.ControlRoom{}, authpool.Veeam{}, authpool.Static{})); diff != "" {
				t.Errorf("grant (-want +got)\n%s", diff)
			}
			credential := credentials(c, got)[0]
			if diff := cmp.Diff(strings.Fields(tt.files), credential.SecretFiles, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("files (-want +got)\n%s", diff)
			}
			if credential.Session != tt.session || credential.Name != "1" || credential.Grant != got[0] {
				t.Errorf("%+v", credential)
			}
		})
	}
}

// Each product has its token where it looks for it, for as long as its tokens
// live where nothing says so, and a connector.
func TestTargets(t *testing.T) {
	t.Parallel()
	for product, tt := range map[string]struct {
		grant, header string
		life          time.Duration
	}{
		"uipath":                                {"static, token: opaque", "Authorization: Bearer opaque", time.Hour},
		"automation_anywhere, generation: a360": {"control_room, username: u, api_key: k", "X-Authorization: opaque", 20 * time.Minute},
		"veeam":                                 {"password, username: u, password: p", "Authorization: Bearer opaque", 15 * time.Minute},
	} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			var header http.Header
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/asked" {
					header = r.Header
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"access_token": "opaque", "token": "opaque"}`)
			}))
			defer server.Close()
			cfg := parse(t, product, server.URL, tt.grant)
			logIns := make(chan authpool.Event, 10)
			target, err := NewTarget(cfg, cfg.Connections[0], Observers{Token: func(e authpool.Event) { logIns <- e }})
			if err != nil {
				t.Fatal(err)
			}
			defer target.Transport.CloseIdleConnections()
			defer target.Pool.Close(context.WithoutCancel(t.Context()))
			a := target.Client.Do(t.Context(), orchestrator.Call{Method: http.MethodGet, Path: "/asked"})
			name, value, _ := strings.Cut(tt.header, ": ")
			if a.Status != http.StatusOK || header.Get(name) != value {
				t.Errorf("%+v with %v", a, header)
			}
			if life := time.Until((<-logIns).Expiry); tt.grant != "static, token: opaque" && (life > tt.life || life < tt.life-time.Minute) {
				t.Errorf("a life of %v", life)
			}
			if err := Supported(cfg); err != nil || target.Connector == nil {
				t.Errorf("%v, connector %v", err, target.Connector)
			}
		})
	}
}
