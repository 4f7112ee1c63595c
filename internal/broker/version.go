package broker

import (
	"fmt"
	"strconv"
	"strings"
)

var (
	// oldest is the first server that lets a single key of a bucket expire.
	oldest = version{2, 11, 0}
	// safe is the first of its line without the vulnerabilities published in 2026
	// (CVE-2026-33216, -33217 and -33249).
	safe = version{2, 12, 6}
)

type version [3]int

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

func (v version) before(other version) bool {
	for i := range v {
		if v[i] != other[i] {
			return v[i] < other[i]
		}
	}
	return false
}

// parseVersion reads major.minor.patch; what follows a hyphen counts as nothing.
func parseVersion(text string) (version, bool) {
	number, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), "-")
	parts := strings.Split(number, ".")
	var v version
	if len(parts) != len(v) {
		return version{}, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return version{}, false
		}
		v[i] = int(n)
	}
	return v, true
}

func checkVersion(text string) (warnings []string, err error) {
	v, ok := parseVersion(text)
	switch {
	case !ok:
		return []string{fmt.Sprintf("the NATS server's version %q cannot be read: it should be %v or later", text, safe)}, nil
	case v.before(oldest):
		return nil, misconfigured("the NATS server is version %s, which cannot let single ledger keys expire: use %v or later", text, safe)
	case v.before(safe):
		return []string{fmt.Sprintf("the NATS server is version %s: use %v or later, it closes published vulnerabilities", text, safe)}, nil
	}
	return nil, nil
}
