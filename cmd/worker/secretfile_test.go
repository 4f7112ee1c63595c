package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Until the secret is there its name is taken by an empty file, and its room by
// one beside it that nobody else may read.
func TestSecretFileTakesItsPlaceFirst(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	f, err := newSecretFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int64{path: 0, f.room.Name(): secretRoom} {
		if info, err := os.Stat(name); err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := newSecretFile(path); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a second one: %v", err)
	}
	f.discard()
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// What somebody else has put there meanwhile is not ours to remove.
func TestSecretFileDiscardsItsOwnOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	f, err := newSecretFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.discard()
	if b, err := os.ReadFile(path); err != nil || string(b) != "theirs" {
		t.Errorf("%q, %v", b, err)
	}
}

// A secret that cannot be given its name is not thrown away.
func TestSecretFileSaysWhereTheSecretIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	f, err := newSecretFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A folder of that name that is not empty cannot be replaced.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	err = f.keep("the secret")
	if err == nil || !strings.Contains(err.Error(), f.room.Name()) || strings.Contains(err.Error(), "the secret") {
		t.Errorf("%v", err)
	}
	f.discard()
	if b, err := os.ReadFile(f.room.Name()); err != nil || string(b) != "the secret" {
		t.Errorf("%q, %v", b, err)
	}
}
