// Command mutate breaks the worker on purpose, one promise at a time, and runs
// the test that is there to notice: a test that still passes proves nothing.
//
//	go -C tools run ./mutate [-root DIR] [NAME…]
//
// It works on a copy of the tree. It exits with 0 if every broken tree fails its
// test, and with 1 if one passes, does not build, or cannot be made because the
// text to be replaced is not there any more.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	root := flag.String("root", "..", "the root of the main module")
	flag.Parse()
	if err := run(*root, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tries the named mutations, or all.
func run(root string, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(mutations, func(m mutation) bool { return m.name == name }) {
			return fmt.Errorf("mutate: there is no mutation %q", name)
		}
	}
	copied, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return fmt.Errorf("mutate: %w", err)
	}
	defer func() { _ = os.RemoveAll(copied) }()
	if err := copyTree(copied, root); err != nil {
		return fmt.Errorf("mutate: copy: %w", err)
	}
	var survived []error
	for _, m := range mutations {
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		began := time.Now()
		err := m.try(copied)
		fmt.Printf("%-38s %-10s %5.1f s   %s\n", m.name, word(err), time.Since(began).Seconds(), m.test)
		if err != nil {
			survived = append(survived, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	return errors.Join(survived...)
}

func word(err error) string {
	if err != nil {
		return "NOT CAUGHT"
	}
	return "caught"
}

// try applies the mutation, runs its test, and takes the mutation back.
func (m mutation) try(root string) error {
	path := filepath.Join(root, filepath.FromSlash(m.file))
	good, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(good), m.old); n != 1 {
		return fmt.Errorf("%s has the text to be replaced %d times, not once: %q", m.file, n, m.old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(good), m.old, m.new, 1)), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.WriteFile(path, good, 0o600) }()
	return m.notice(root)
}

// notice returns nil if the test runs and fails.
func (m mutation) notice(root string) error {
	test := exec.Command("go", "test", "-count=1", "-v", "-run", m.pattern(), m.pkg)
	test.Dir = root
	out, err := test.CombinedOutput()
	switch {
	case strings.Contains(string(out), "\n--- FAIL: "+m.function()):
		return nil
	case err == nil && strings.Contains(string(out), "\n--- PASS: "+m.function()):
		return fmt.Errorf("%s passes", m.test)
	case err == nil:
		return fmt.Errorf("%s has no test %s", m.pkg, m.test)
	}
	return fmt.Errorf("the test did not run: %w\n%s", err, tail(string(out)))
}

// pattern is the test and its subtest for -run, which reads a space as it is
// printed, as an underscore.
func (m mutation) pattern() string {
	parts := strings.Split(m.test, "/")
	for i, part := range parts {
		parts[i] = "^" + strings.ReplaceAll(part, " ", "_") + "$"
	}
	return strings.Join(parts, "/")
}

func (m mutation) function() string {
	name, _, _ := strings.Cut(m.test, "/")
	return name
}

func tail(out string) string {
	const most = 2000
	return out[max(0, len(out)-most):]
}

// copyTree copies the sources: not what git or a build keeps beside them.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case name == ".git" || name == "bin":
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o600)
	})
}
