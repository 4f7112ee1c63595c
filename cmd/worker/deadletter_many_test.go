//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// listed runs list in a process of its own, and returns how many letters it
// wrote and how much memory it had at most, in KiB.
func (d *desk) listed(flags ...string) (n, memory int) {
	d.t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"deadletter", "list", "--config", d.path}, flags...)...)
	cmd.Env = append(os.Environ(), asWorker+"=1", "GOGC=20")
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		found := strings.Count(lines.Text(), "inv-")
		if n += found; found > 0 && n%500 == 0 {
			memory = max(memory, peak(cmd.Process.Pid))
		}
	}
	if err := cmd.Wait(); err != nil {
		d.t.Fatal(err)
	}
	return n, memory
}

// peak is the most memory that a process had so far, in KiB; 0 if it is gone.
// What the system tells of it afterwards counts the test's own memory, from
// before the program was loaded.
func peak(pid int) (kib int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(text, &kib)
	return kib
}

// Letters are written as they come: many of them need as much memory as a few.
func TestListOfMany(t *testing.T) {
	t.Parallel()
	const few, many = 2_000, 20_000
	d := newDesk(t)
	d.many(many)
	for name, form := range map[string]string{"as a table": "table", "as JSON": "json"} {
		t.Run(name, func(t *testing.T) {
			n, all := d.listed("-o", form)
			if n != many || all == 0 {
				t.Fatalf("%d letters are listed, with %d KiB", n, all)
			}
			n, some := d.listed("-o", form, "--limit", strconv.Itoa(few))
			if n != few || some == 0 {
				t.Fatalf("%d letters are listed, with %d KiB", n, some)
			}
			t.Logf("%d KiB for %d letters, %d KiB for %d", all, many, some, few)
			if all > some+16<<10 {
				t.Errorf("%d KiB for %d letters, %d KiB for %d", all, many, some, few)
			}
		})
	}
}
