package config

import "fmt"

// place is a position in the file; both count from 1.
type place struct{ line, column int }

// source knows where each value of a file stands.
type source struct {
	file   string
	places map[string]place // by the dotted path; the root is always there
}

// say is a problem at a place.
func (s *source) say(at place, path, format string, args ...any) Problem {
	return Problem{
		File: s.file, Line: at.line, Column: at.column,
		Key: shown(path), Text: fmt.Sprintf(format, args...),
	}
}

// placeOf is where the value at path stands, or the nearest mapping around it.
func (s *source) placeOf(path string) place {
	for {
		if at, ok := s.places[path]; ok {
			return at
		}
		path = parentOf(path)
	}
}

// Problem is what a later check finds wrong with the value of key, a dotted path
// such as routes[0].transform, at its place in the file. A Config that was not
// read from a file has no places. Put the problems into an [*Error].
func (c *Config) Problem(key, format string, args ...any) Problem {
	if c.source == nil {
		return Problem{Key: key, Text: fmt.Sprintf(format, args...)}
	}
	return c.source.say(c.source.placeOf(key), key, format, args...)
}
