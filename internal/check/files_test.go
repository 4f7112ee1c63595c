package check

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/secret"
)

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]struct {
		path         string
		want         finding.Status
		detail, what string
	}{
		"there":   {writeFile(t, filepath.Join(dir, "there"), "s3cr3t\n", 0o600), finding.OK, "is there", ""},
		"missing": {filepath.Join(dir, "none"), finding.Error, "no such file", "Put the secret"},
		"empty":   {writeFile(t, filepath.Join(dir, "empty"), "", 0o600), finding.Error, "it is empty", "Put the secret"},
		"a line":  {writeFile(t, filepath.Join(dir, "line"), "\n", 0o600), finding.Error, "empty", "Put the secret"},
		"blank":   {writeFile(t, filepath.Join(dir, "blank"), "s3cr3t \n", 0o600), finding.Warning, "begins or ends with a blank", "alone"},
		"a mark":  {writeFile(t, filepath.Join(dir, "mark"), "\ufeffs3cr3t\n", 0o600), finding.Warning, "begins or ends with a blank", "alone"},
		"large":   {writeFile(t, filepath.Join(dir, "large"), strings.Repeat("x", 70000), 0o600), finding.Error, "it is larger than 65536 bytes", "Put the secret"},
		"open":    {writeFile(t, filepath.Join(dir, "open"), "s3cr3t", 0o644), finding.Warning, "any user", "chmod"},
		"a group": {writeFile(t, filepath.Join(dir, "group"), "s3cr3t", 0o640), finding.OK, "is there", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && tt.what == "chmod" {
				tt.want, tt.detail, tt.what = finding.OK, "", ""
			}
			f := secretFile(tt.path, "nats.token", secret.File(tt.path))
			if f.Status != tt.want || !strings.Contains(f.Detail, tt.detail) || !strings.Contains(f.Remedy, tt.what) || strings.Contains(f.Detail, "s3cr3t") {
				t.Errorf("%+v", f)
			}
		})
	}
}

// Every secret of a configuration is looked at, and a file only once.
func TestEverySecretIsLookedAt(t *testing.T) {
	t.Parallel()
	none := func(name string) secret.Source { return secret.File(filepath.Join(t.TempDir(), name)) }
	shared := none("shared")
	cfg := &config.Config{
		NATS: config.NATS{Password: none("password"), Token: shared, CredentialsFile: "creds.none", NKeyFile: "nkey.none"},
		Connections: []config.Connection{{Name: "acme", Credentials: []config.Credential{
			{ClientSecret: none("client"), Token: shared, Password: none("p"), APIKey: none("k"), RefreshToken: none("r"), TOTPSecret: none("t")},
			{Token: secret.Literal("x")},
		}}},
	}
	var b book
	b.files(cfg)
	if len(b.findings) != 9 {
		t.Errorf("%d findings: %+v", len(b.findings), b.findings)
	}
}

// One credential of several may be without its secret, but not all of them.
func TestASecretThatOthersStandInFor(t *testing.T) {
	t.Parallel()
	gone := secret.File(filepath.Join(t.TempDir(), "gone"))
	goneToo := secret.File(filepath.Join(t.TempDir(), "gone too"))
	type credentials = []config.Credential
	for name, tt := range map[string]struct {
		all  credentials
		want finding.Status
	}{
		"alone":          {credentials{{ClientSecret: gone}}, finding.Error},
		"another":        {credentials{{ClientSecret: gone}, {ClientSecret: secret.Literal("x")}}, finding.Warning},
		"half of one":    {credentials{{ClientSecret: gone}, {Password: secret.Literal("x"), TOTPSecret: goneToo}}, finding.Error},
		"both":           {credentials{{ClientSecret: gone}, {ClientSecret: goneToo}}, finding.Error},
		"the same file":  {credentials{{ClientSecret: gone}, {Token: gone}}, finding.Error},
		"half of itself": {credentials{{ClientSecret: gone, Token: secret.Literal("x")}}, finding.Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b book
			b.files(&config.Config{Connections: []config.Connection{
				{Name: "acme", Credentials: tt.all}, {Name: "other", Credentials: credentials{{Token: secret.Literal("x")}}},
			}})
			f := b.findings[0]
			if f.Status != tt.want || strings.Contains(f.Detail, "carry on") != (tt.want == finding.Warning) || b.misconfigured {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestTLSFiles(t *testing.T) {
	t.Parallel()
	now := time.Now()
	day := 24 * time.Hour
	fine, other := newPEM(t, now.Add(-day), now.Add(365*day)), newPEM(t, now.Add(-day), now.Add(365*day))
	ended, ending := newPEM(t, now.Add(-2*day), now.Add(-day)), newPEM(t, now.Add(-day), now.Add(10*day))
	early := newPEM(t, now.Add(day), now.Add(365*day))
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	var both []byte
	for _, f := range []string{ended.cert, fine.cert} {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, text...)
	}
	writeFile(t, bundle, string(both), 0o600)
	tests := map[string]struct {
		tls           config.TLS
		want          []finding.Status
		detail        string
		misconfigured bool // as one of NATS
	}{
		"none":               {config.TLS{}, nil, "", false},
		"fine":               {fine.tls(), []finding.Status{finding.OK, finding.OK}, "valid until", false},
		"ended":              {ended.tls(), []finding.Status{finding.Error, finding.Error}, "it ended on", false},
		"ends soon":          {ending.tls(), []finding.Status{finding.Warning, finding.Warning}, "it ends on", false},
		"not yet":            {early.tls(), []finding.Status{finding.Error, finding.Error}, "only from", false},
		"one CA of two":      {config.TLS{CAFile: bundle}, []finding.Status{finding.OK}, "2 CAs", false},
		"a key of another":   {config.TLS{CertFile: fine.cert, KeyFile: other.key}, []finding.Status{finding.Error}, "key_file", true},
		"no certificate":     {config.TLS{CAFile: fine.key}, []finding.Status{finding.Error}, "no PEM certificate", true},
		"a missing CA":       {config.TLS{CAFile: "nowhere.pem"}, []finding.Status{finding.Error}, "cannot be read", true},
		"a missing key file": {config.TLS{CertFile: fine.cert, KeyFile: "nowhere.pem"}, []finding.Status{finding.Error}, "cannot be read", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var nats book
			nats.files(&config.Config{NATS: config.NATS{TLS: tt.tls}})
			if len(nats.findings) != len(tt.want) || nats.misconfigured != tt.misconfigured {
				t.Fatalf("%v %+v", nats.misconfigured, nats.findings)
			}
			for i, f := range nats.findings {
				if f.Status != tt.want[i] || !strings.Contains(f.Detail, tt.detail) {
					t.Errorf("%+v", f)
				}
			}
			// A client certificate of a connection is read later, so that the worker starts.
			var connection book
			connection.files(&config.Config{Connections: []config.Connection{{Name: "acme", TLS: tt.tls}}})
			if want := tt.misconfigured && tt.tls.CAFile != ""; connection.misconfigured != want {
				t.Errorf("misconfigured as a connection: %v", !want)
			}
		})
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	used := filepath.Join(dir, "used")
	closed := filepath.Join(dir, "closed")
	for path, mode := range map[string]os.FileMode{used: 0o700, closed: 0o500} {
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(used, markerName), "", 0o600)
	file := writeFile(t, filepath.Join(dir, "file"), "", 0o600)
	tests := map[string]struct {
		dir    string
		want   finding.Status
		detail string
	}{
		"there":            {dir, finding.OK, "no worker uses it"},
		"in use":           {used, finding.OK, "in use"},
		"to be made":       {filepath.Join(dir, "a", "b"), finding.OK, "not there yet"},
		"a file":           {file, finding.Error, "not a directory"},
		"below a file":     {filepath.Join(file, "x"), finding.Error, ""},
		"closed":           {closed, finding.Error, "cannot be written"},
		"below the closed": {filepath.Join(closed, "x"), finding.Error, "cannot be made"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if (os.Geteuid() == 0 || runtime.GOOS == "windows") && strings.Contains(tt.dir, "closed") {
				tt.want, tt.detail = finding.OK, "" // who may everything may this, too
			}
			if f := store(tt.dir); f.Status != tt.want || !strings.Contains(f.Detail, tt.detail) {
				t.Errorf("%+v", f)
			}
		})
	}
	for _, made := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "queueferry.lock")} {
		if _, err := os.Stat(made); err == nil {
			t.Errorf("%s was made", made)
		}
	}
}

// Without its credentials file the worker does not start.
func TestACredentialsFileThatIsMissing(t *testing.T) {
	t.Parallel()
	var b book
	b.files(&config.Config{NATS: config.NATS{CredentialsFile: filepath.Join(t.TempDir(), "none.creds")}})
	if r := b.report(); r.Result != Misconfigured || !strings.Contains(r.Findings[0].Remedy, "does not start without it") {
		t.Errorf("%+v", r)
	}
}
