// Package setup makes the parts that a configuration asks for: what the file
// means to each of them stands here, for all commands alike. It starts nothing.
package setup
