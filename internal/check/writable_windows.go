package check

import "os"

// unwritable says why nothing can be made in a directory; empty if it can, or if
// only making something would tell.
func unwritable(dir string) string {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return reason(err)
	case !info.IsDir():
		return "is not a directory"
	}
	return ""
}
