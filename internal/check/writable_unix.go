//go:build unix

package check

import (
	"os"
	"syscall"
)

// unwritable says why nothing can be made in a directory; empty if it can. Nothing
// is made to find out.
func unwritable(dir string) string {
	const writeAndSearch = 2 | 1 // W_OK, X_OK
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return reason(err)
	case !info.IsDir():
		return "is not a directory"
	case syscall.Access(dir, writeAndSearch) != nil:
		return "cannot be written by this account"
	}
	return ""
}
