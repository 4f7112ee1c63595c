package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// address is an absolute http or https URL without a slash at its end, or
// empty. Plain http to another machine is warned of.
func (s *section) address(key string) string {
	text := s.str(key, "")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.Contains(text, " ") || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		s.wrong(key, "must be an absolute URL such as https://host/path")
	case u.User != nil:
		s.wrong(key, "has a user or a password in it; remove it, log-ins belong under credentials")
	case u.RawQuery != "" || u.ForceQuery:
		s.wrong(key, "has a query; remove the ? and what follows")
	case u.Fragment != "" || strings.Contains(text, "#"):
		s.wrong(key, "has a fragment; remove the # and what follows")
	case !validPort(u.Port()) && u.Port() != "":
		s.wrong(key, "has a port that is none; use 1 to 65535")
	default:
		if u.Scheme == "http" && !loopback(u.Host) {
			s.warn(s.at(key), "is plain http to another machine: tokens and requests can be read on the way; use https")
		}
		return strings.TrimRight(text, "/")
	}
	return ""
}

// listen is host:port, or def. Port 0 is any free port, no host is every
// interface.
func (s *section) listen(key, def string) string {
	if s.get(key) == nil {
		return def
	}
	text, ok := s.text(key)
	if !ok {
		return def
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || !validPort(port) && port != "0" || strings.ContainsAny(host, " /") {
		s.wrong(key, "must be host:port, such as 127.0.0.1:8080; port 0 takes a free one")
		return def
	}
	return text
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// loopback reports whether host, with or without a port, is this machine only.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
