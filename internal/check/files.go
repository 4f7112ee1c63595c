package check

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/secret"
)

// These are read before the first connection: without them the worker does not start.
const (
	nkeyFile        = "nats.nkey_file"
	credentialsFile = "nats.credentials_file"
)

func startNeeds(key string) bool { return key == nkeyFile || key == credentialsFile }

// files looks at the files that the configuration names, each once.
func (b *book) files(cfg *config.Config) {
	done := map[string]bool{}
	all := secrets(cfg)
	for _, s := range all {
		if path := s.source.Path(); path != "" && !done[path] {
			done[path] = true
			f := secretFile(path, s.key, s.source)
			if f.Status == finding.Error && spare(all, path) {
				f.Status = finding.Warning
				f.Detail += "; the other credentials carry on"
			}
			b.add(f)
			b.misconfigured = b.misconfigured || startNeeds(s.key) && f.Status == finding.Error
		}
	}
	n := cfg.NATS
	b.misconfigured = b.tls("nats.tls", n.TLS) || b.misconfigured
	for _, c := range cfg.Connections {
		// A certificate of ours is read anew at each handshake, so that only the CAs
		// keep the worker from starting.
		if faulty := b.tls("connections."+c.Name+".tls", c.TLS); faulty && !usableCA(c.TLS.CAFile) {
			b.misconfigured = true
		}
	}
}

// named is a secret and the key that names it.
type named struct {
	key        string
	source     secret.Source
	connection string // empty: of NATS
	credential int
}

// spare reports whether each that needs the file is one of several credentials of
// its connection, of which another has all its secrets.
func spare(all []named, path string) bool {
	for _, s := range all {
		if s.source.Path() == path && (s.connection == "" || !another(all, s)) {
			return false
		}
	}
	return true
}

// another reports whether a connection has a credential that can be used beside
// that of s.
func another(all []named, s named) bool {
	usable := map[int]bool{}
	for _, o := range all {
		if o.connection != s.connection || o.credential == s.credential || !o.source.IsSet() {
			continue
		}
		_, err := o.source.Read()
		before, told := usable[o.credential]
		usable[o.credential] = err == nil && (before || !told)
	}
	return slices.Contains(slices.Collect(maps.Values(usable)), true)
}

func secrets(cfg *config.Config) []named {
	n := cfg.NATS
	all := []named{{key: "nats.password", source: n.Password}, {key: "nats.token", source: n.Token}}
	if n.CredentialsFile != "" {
		all = append(all, named{key: credentialsFile, source: secret.File(n.CredentialsFile)})
	}
	if n.NKeyFile != "" {
		all = append(all, named{key: nkeyFile, source: secret.File(n.NKeyFile)})
	}
	for _, c := range cfg.Connections {
		for i, credential := range c.Credentials {
			of := func(key string, source secret.Source) named {
				return named{fmt.Sprintf("connections.%s.credentials[%d].%s", c.Name, i, key), source, c.Name, i}
			}
			all = append(all,
				of("client_secret", credential.ClientSecret), of("token", credential.Token), of("password", credential.Password),
				of("api_key", credential.APIKey), of("refresh_token", credential.RefreshToken), of("totp_secret", credential.TOTPSecret))
		}
	}
	return all
}

func secretFile(path, key string, source secret.Source) finding.Finding {
	subject := "file " + path
	const check = "secret"
	value, err := source.Read()
	if err != nil {
		if startNeeds(key) {
			return finding.Bad(finding.Error, subject, check, key+": "+unreadable(path, err),
				"Put the file there, and let the account of the worker read it; the worker does not start without it.")
		}
		return finding.Bad(finding.Error, subject, check, key+": "+unreadable(path, err),
			"Put the secret into the file, and let the account of the worker read it; a running worker finds it by itself.")
	}
	info, err := os.Stat(path)
	// Windows keeps no such bits.
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		return finding.Bad(finding.Warning, subject, check, key+": any user of this machine can read it",
			"Close it to others: chmod o-rwx, or defaultMode: 0440 for a secret in Kubernetes.")
	}
	if padded(value) {
		return finding.Bad(finding.Warning, subject, check, key+": it begins or ends with a blank, an empty line or a byte order mark, which count as part of it",
			"Put the secret alone into the file, such as with printf %s; one newline at its end does no harm.")
	}
	return finding.Good(subject, check, key+" is there")
}

// padded reports whether a secret has what an editor or a shell may have left in
// its file.
func padded(value string) bool {
	return value != strings.TrimSpace(value) || strings.HasPrefix(value, "\ufeff")
}

// unreadable says why, without the path, which stands beside it.
func unreadable(path string, err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return "it cannot be read: " + p.Err.Error()
	}
	return "it " + strings.TrimPrefix(secret.Why(err), path+" ")
}
