package check

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/finding"
)

// soon is how long before its end a certificate is warned of.
const soon = 30 * 24 * time.Hour

// tls looks at the PEM files of one section, and reports whether one cannot be used.
func (b *book) tls(key string, t config.TLS) (faulty bool) {
	if t.CAFile != "" {
		f, ok := caFile(t.CAFile, key+".ca_file", time.Now())
		b.add(f)
		faulty = !ok
	}
	if t.CertFile != "" || t.KeyFile != "" {
		f, ok := keyPair(t, key, time.Now())
		b.add(f)
		faulty = faulty || !ok
	}
	return faulty
}

func usableCA(path string) bool {
	if path == "" {
		return true
	}
	_, err := readCertificates(path)
	return err == nil
}

func caFile(path, key string, now time.Time) (f finding.Finding, ok bool) {
	subject := "file " + path
	all, err := readCertificates(path)
	if err != nil {
		return finding.Bad(finding.Error, subject, "ca", key+": "+reason(err), "Put the CA's certificate into the file, as PEM."), false
	}
	// A bundle may keep a CA that has ended: what counts is that one is left.
	last := all[0]
	for _, c := range all[1:] {
		if c.NotAfter.After(last.NotAfter) {
			last = c
		}
	}
	detail := fmt.Sprintf("%s: %s, the last valid until %s", key, plural(len(all), "CA"), day(last.NotAfter))
	return life(last, subject, "ca", key, detail, "Put the CA's new certificate into the file, and restart the worker.", now), true
}

func keyPair(t config.TLS, key string, now time.Time) (f finding.Finding, ok bool) {
	subject := "file " + t.CertFile
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return finding.Bad(finding.Error, subject, "certificate", key+".cert_file and key_file: "+reason(err),
			"Give both files, as PEM, of the same key."), false
	}
	leaf := pair.Leaf
	detail := fmt.Sprintf("%s.cert_file: valid until %s", key, day(leaf.NotAfter))
	return life(leaf, subject, "certificate", key+".cert_file", detail, "Renew the certificate: the worker reads the files anew.", now), true
}

// life judges from when until when a certificate is valid.
func life(c *x509.Certificate, subject, check, key, good, renew string, now time.Time) finding.Finding {
	switch {
	case now.After(c.NotAfter):
		return finding.Bad(finding.Error, subject, check, fmt.Sprintf("%s: it ended on %s", key, day(c.NotAfter)), renew)
	case now.Before(c.NotBefore):
		return finding.Bad(finding.Error, subject, check, fmt.Sprintf("%s: it is valid only from %s", key, day(c.NotBefore)),
			"Set the clock of this machine, or wait for that day.")
	case c.NotAfter.Sub(now) < soon:
		return finding.Bad(finding.Warning, subject, check, fmt.Sprintf("%s: it ends on %s", key, day(c.NotAfter)), renew)
	}
	return finding.Good(subject, check, good)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func readCertificates(path string) ([]*x509.Certificate, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		// What cannot be parsed is passed over, as it is when the file is used.
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no PEM certificate")
	}
	return all, nil
}

// reason is an error without the path of a file, and without what a file holds.
func reason(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return "cannot be read: " + p.Err.Error()
	}
	return err.Error()
}
