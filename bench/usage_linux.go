package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// ownUsage is what this process has used. The memory is not that of getrusage,
// which on Linux begins with the parent's.
func ownUsage() (u usage) {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) == nil {
		u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	status, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
		if fields := bytes.Fields(rest); len(fields) > 0 {
			kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
			u.RSS = kib << 10
		}
	}
	return u
}
