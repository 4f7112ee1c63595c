// Package deploy_test holds the manifests to what the worker needs of them.
package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/queueferry/queueferry/internal/config"
)

// manifest is one YAML document of any kind.
type manifest map[string]any

// at follows keys, and indexes of lists, downwards. A missing one is nil.
func (m manifest) at(keys ...any) any {
	var v any = map[string]any(m)
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			v = asMap(v)[k]
		case int:
			list := asList(v)
			if k >= len(list) {
				return nil
			}
			v = list[k]
		}
	}
	return v
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// wants compares the values under paths such as "spec.replicas".
func (m manifest) wants(t *testing.T, want map[string]any) {
	t.Helper()
	got := map[string]any{}
	for path := range want {
		keys := []any{}
		for key := range strings.SplitSeq(path, ".") {
			if key == "0" {
				keys = append(keys, 0)
			} else {
				keys = append(keys, key)
			}
		}
		got[path] = m.at(keys...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func load(t *testing.T, path string) manifest {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.UnmarshalWithOptions(data, &m, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func settings(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load("base/queueferry.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEveryFileIsUsed reads every file, and finds each in the kustomization of
// its folder.
func TestEveryFileIsUsed(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		files++
		m := load(t, path)
		if filepath.Base(path) == "kustomization.yaml" {
			for _, resource := range asList(m["resources"]) {
				if _, err := os.Stat(filepath.Join(filepath.Dir(path), resource.(string))); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
			return nil
		}
		k := load(t, filepath.Join(filepath.Dir(path), "kustomization.yaml"))
		used := slices.Concat(asList(k["resources"]), asList(k.at("configMapGenerator", 0, "files")))
		if !slices.Contains(used, any(filepath.Base(path))) {
			t.Errorf("%s is in no kustomization", path)
		}
		return nil
	})
	if err != nil || files < 8 {
		t.Errorf("%d files, %v", files, err)
	}
}

func TestPodIsRestricted(t *testing.T) {
	t.Parallel()
	d := load(t, "base/deployment.yaml")
	const pod, worker = "spec.template.spec.", "spec.template.spec.containers.0."
	d.wants(t, map[string]any{
		pod + "automountServiceAccountToken":                false,
		pod + "securityContext.runAsNonRoot":                true,
		pod + "securityContext.runAsUser":                   uint64(65532),
		pod + "securityContext.fsGroup":                     uint64(65532),
		pod + "securityContext.seccompProfile.type":         "RuntimeDefault",
		worker + "securityContext.allowPrivilegeEscalation": false,
		worker + "securityContext.readOnlyRootFilesystem":   true,
		worker + "securityContext.capabilities.drop":        []any{"ALL"},
		worker + "securityContext.privileged":               nil,
		pod + "hostNetwork":                                 nil,
		pod + "hostPID":                                     nil,
		pod + "initContainers":                              nil,
	})
	for _, v := range asList(d.at("spec", "template", "spec", "volumes")) {
		for kind := range asMap(v) {
			if !slices.Contains([]string{"name", "configMap", "secret"}, kind) {
				t.Errorf("a volume of kind %s", kind)
			}
		}
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	d := load(t, "base/deployment.yaml")
	const worker = "spec.template.spec.containers.0."
	d.wants(t, map[string]any{
		worker + "livenessProbe.httpGet":  map[string]any{"path": "/livez", "port": "admin"},
		worker + "readinessProbe.httpGet": map[string]any{"path": "/readyz", "port": "admin"},
		worker + "ports":                  []any{map[string]any{"name": "admin", "containerPort": uint64(8080)}},
		// One that asked NATS would restart the pods of an outage.
		worker + "startupProbe": nil,
		// A worker that nobody connects to needs no wait before the drain.
		worker + "lifecycle": nil,
	})
	if got := settings(t).Admin.Listen; got != "0.0.0.0:8080" {
		t.Errorf("the probes ask port 8080 from outside; admin.listen is %s", got)
	}
}

func TestDrainFitsIntoTheGracePeriod(t *testing.T) {
	t.Parallel()
	d := load(t, "base/deployment.yaml")
	seconds, _ := d.at("spec", "template", "spec", "terminationGracePeriodSeconds").(uint64)
	period := time.Duration(seconds) * time.Second
	if grace := settings(t).ShutdownGrace; period < grace+10*time.Second {
		t.Errorf("terminationGracePeriodSeconds is %s, shutdown_grace %s", period, grace)
	}
}

// TestSecretsAreAFolder is about subPath: what it mounts is never renewed.
func TestSecretsAreAFolder(t *testing.T) {
	t.Parallel()
	d := load(t, "base/deployment.yaml")
	mounts := map[string]string{}
	for _, v := range asList(d.at("spec", "template", "spec", "containers", 0, "volumeMounts")) {
		mount := manifest(asMap(v))
		for key := range mount {
			if strings.HasPrefix(key, "subPath") {
				t.Errorf("%s is mounted by %s", mount["name"], key)
			}
		}
		if mount["readOnly"] != true {
			t.Errorf("%s is not read only", mount["name"])
		}
		mounts[mount["name"].(string)] = mount["mountPath"].(string)
	}
	c := settings(t)
	for _, file := range []string{c.NATS.CredentialsFile, c.Connections[0].Credentials[0].ClientSecret.Path()} {
		if filepath.ToSlash(filepath.Dir(file)) != mounts["secrets"] {
			t.Errorf("%s is not in the folder %s", file, mounts["secrets"])
		}
	}
	args := asList(d.at("spec", "template", "spec", "containers", 0, "args"))
	if diff := cmp.Diff([]any{"run", "--config", mounts["config"] + "/queueferry.yaml"}, args); diff != "" {
		t.Error(diff)
	}
}

func TestSelectorsAgree(t *testing.T) {
	t.Parallel()
	label := map[string]any{"app.kubernetes.io/name": "queueferry"}
	load(t, "base/deployment.yaml").wants(t, map[string]any{
		"spec.selector.matchLabels":     label,
		"spec.template.metadata.labels": label,
	})
	load(t, "base/pdb.yaml").wants(t, map[string]any{
		"spec.selector.matchLabels": label,
		"spec.maxUnavailable":       uint64(1),
		"spec.minAvailable":         nil,
	})
	load(t, "components/network-policy/network-policy.yaml").wants(t, map[string]any{
		"spec.podSelector.matchLabels": label,
		"spec.policyTypes":             []any{"Ingress", "Egress"},
	})
}

func TestScaledObjectReadsTheRoutesConsumer(t *testing.T) {
	t.Parallel()
	c := settings(t)
	s := load(t, "overlays/keda/scaledobject.yaml")
	s.wants(t, map[string]any{
		"spec.scaleTargetRef.name":          load(t, "base/deployment.yaml").at("metadata", "name"),
		"spec.triggers.0.type":              "nats-jetstream",
		"spec.triggers.0.metadata.stream":   c.Stream.Name,
		"spec.triggers.0.metadata.consumer": c.Routes[0].Name,
		"spec.fallback.behavior":            "currentReplicas",
	})
	if n := len(asList(s.at("spec", "triggers"))); n != len(c.Routes) {
		t.Errorf("%d triggers for %d routes", n, len(c.Routes))
	}
	if n, _ := s.at("spec", "minReplicaCount").(uint64); n < 1 {
		t.Error("with no pod there is no consumer to read the lag from")
	}
	if n, _ := s.at("spec", "maxReplicaCount").(uint64); n == 0 {
		t.Error("no limit: an outage would scale out")
	}
}
