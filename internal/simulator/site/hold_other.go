//go:build !unix

package site

// hold does nothing here: somebody else may take a port that is shut.
func hold(string) (release func()) { return func() {} }
