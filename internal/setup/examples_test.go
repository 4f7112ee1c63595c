package setup

import (
	"path/filepath"
	"testing"

	"github.com/queueferry/queueferry/internal/config"
)

// The worker takes every example as it stands.
func TestExamplesAreAccepted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "sandbox.yaml" {
			continue // it has variables of its own, and the sandbox runs it
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Load(file, secrets)
			if err != nil {
				t.Fatal(err)
			}
			if err := Supported(cfg); err != nil {
				t.Error(err)
			}
			if _, err := Decoders(cfg); err != nil {
				t.Error(err)
			}
		})
	}
}

// secrets is an environment outside of Kubernetes that has what the examples
// cannot do without.
func secrets(name string) (string, bool) {
	if name == "KUBERNETES_SERVICE_HOST" || name == "NATS_URL" {
		return "", false
	}
	return "x", true
}
