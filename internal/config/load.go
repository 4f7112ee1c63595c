package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Environment looks up an environment variable, as [os.LookupEnv] does. Nil
// knows none.
type Environment = func(name string) (string, bool)

// The name of the file, where neither a flag nor the environment gives one.
const (
	pathVariable = "QUEUEFERRY_CONFIG"
	defaultPath  = "queueferry.yaml"
)

// maxSize bounds the file, in bytes.
const maxSize = 1 << 20

// DefaultPath is the file to load: flag (the value of --config) unless it is
// empty, else $QUEUEFERRY_CONFIG unless that is unset or empty, else
// queueferry.yaml in the working directory.
func DefaultPath(flag string, env Environment) string {
	if flag != "" {
		return flag
	}
	if env != nil {
		if path, _ := env(pathVariable); path != "" {
			return path
		}
	}
	return defaultPath
}

// Load reads the file at path. The error is an [*Error] that lists every
// problem at once.
func Load(path string, env Environment) (*Config, error) {
	data, err := read(path)
	if err != nil {
		text := "cannot be read: " + why(err) + "; name another file with --config or $" + pathVariable
		return nil, &Error{Problems: []Problem{{File: path, Text: text}}, cause: err}
	}
	return Parse(path, data, env)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}

// why is err without the path, which stands before it already.
func why(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// Parse reads data, the content of the file called name. The error is an
// [*Error] that lists every problem at once. Variables are looked up with env;
// secret files are not opened.
func Parse(name string, data []byte, env Environment) (*Config, error) {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	r := &reader{source: &source{file: name, places: map[string]place{"": {1, 1}}}, env: env}
	var c *Config
	if root := r.parse(data); root != nil {
		c = r.config(root)
		r.validate(c)
	}
	if len(r.problems) > 0 {
		return nil, &Error{Problems: inOrder(r.problems)}
	}
	c.Warnings = lines(inOrder(r.warnings))
	c.source = r.source
	return c, nil
}

// reader collects what is wrong with one file while it is read.
type reader struct {
	*source
	env      Environment
	problems []Problem
	warnings []Problem
}

func (r *reader) problem(path, format string, args ...any) {
	r.problemAt(r.placeOf(path), path, format, args...)
}

func (r *reader) problemAt(at place, path, format string, args ...any) {
	r.problems = append(r.problems, r.say(at, path, format, args...))
}

func (r *reader) warn(path, format string, args ...any) {
	r.warnings = append(r.warnings, r.say(r.placeOf(path), path, format, args...))
}
