package config

import (
	"net/url"
	"strings"
)

const (
	defaultListen = "127.0.0.1:4222"
	defaultStore  = "queueferry-data"
)

// nats reads how to reach NATS. Without an address the server runs inside.
func (s *section) nats() NATS {
	var out NATS
	s.section("nats", func(s *section) {
		out = NATS{
			URL:             s.servers("url"),
			CredentialsFile: s.str("credentials_file", ""),
			NKeyFile:        s.str("nkey_file", ""),
			User:            s.str("user", ""),
			Password:        s.secret("password"),
			Token:           s.secret("token"),
			TLS:             s.tls(),
		}
		s.together("user", "password")
		s.oneLogIn()
		if s.has("url") && !s.has("embedded") {
			return
		}
		s.notEmbeddedInKubernetes()
		out.Embedded = &Embedded{Listen: defaultListen, StoreDir: defaultStore}
		s.section("embedded", func(e *section) {
			out.Embedded.Listen = e.listen("listen", defaultListen)
			out.Embedded.StoreDir = e.str("store_dir", defaultStore)
			if open := s.has("user") || s.has("token"); !open && !loopback(out.Embedded.Listen) {
				e.wrong("listen", "is open to other machines without authentication; set nats.user and nats.password, or nats.token, "+
					"or listen on 127.0.0.1")
			}
		})
		s.embeddedAlone()
	})
	return out
}

// servers is a comma separated list of NATS addresses.
func (s *section) servers(key string) string {
	if s.empty(key) {
		s.wrong(key, "is empty; give an address such as nats://127.0.0.1:4222, or leave the key out")
	}
	text := s.str(key, "")
	for address := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		u, err := url.Parse(strings.TrimSpace(address))
		switch {
		case err != nil || u.Hostname() == "" || !natsScheme[u.Scheme]:
			s.wrong(key, "must be a NATS address such as nats://127.0.0.1:4222 (nats, tls, ws or wss), several comma separated")
		case u.User != nil:
			s.wrong(key, "has a user or a token in it; give nats.user and nats.password, or nats.token, instead")
		case u.Port() != "" && !validPort(u.Port()) || strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "["):
			s.wrong(key, "has a port that is none; use 1 to 65535, and write an IPv6 address in brackets, such as nats://[::1]:4222")
		default:
			continue
		}
		return ""
	}
	return text
}

var natsScheme = map[string]bool{"nats": true, "tls": true, "ws": true, "wss": true}

// oneLogIn notes when there are several ways to log in.
func (s *section) oneLogIn() {
	var found []string
	for _, key := range []string{"credentials_file", "nkey_file", "user", "token"} {
		if s.has(key) {
			found = append(found, key)
		}
	}
	if len(found) > 1 {
		s.problem(s.at(found[1]), "is a second way to log in beside %s; keep one", found[0])
	}
}

// notEmbeddedInKubernetes notes a server that nobody asked for where its store
// would vanish with the pod.
func (s *section) notEmbeddedInKubernetes() {
	if host, _ := s.env("KUBERNETES_SERVICE_HOST"); host != "" && !s.has("embedded") {
		s.problem(s.at("url"), "is missing, and in Kubernetes the embedded server is never started by itself: its store would vanish "+
			"with the pod; set nats.url, or nats.embedded with store_dir on a volume")
	}
}

// embeddedAlone notes what only belongs to a server elsewhere.
func (s *section) embeddedAlone() {
	if s.has("url") {
		s.problem(s.at("embedded"), "cannot stand beside nats.url; keep one of the two")
		return
	}
	for _, key := range []string{"credentials_file", "nkey_file", "tls"} {
		if s.has(key) {
			s.problem(s.at(key), "is only for a server at nats.url; remove it, or set nats.url")
		}
	}
}
