//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

// A terminal that is closed does not lose a secret that is on its way, nor leave a
// session behind.
func TestClientsCreateSurvivesAHangUp(t *testing.T) {
	t.Parallel()
	o, path, secretPath := veeamScene(t, veeam.Settings{}, asUser)
	asked := make(chan struct{})
	slow := server.Slow(500*time.Millisecond, veeam.CreateClient)
	slow.Match = func(*server.Call) bool { close(asked); return true }
	o.SetFault(slow)
	cmd := exec.Command(os.Args[0], "clients", "create", "--config", path, "--connection", "recovery", "--secret-file", secretPath)
	cmd.Env = append(os.Environ(), asWorker+"=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(patience):
		t.Error("no client was asked for")
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
	if b, err := os.ReadFile(secretPath); err != nil || len(o.Clients()) != 2 || string(b) != o.Clients()[1].Secret {
		t.Errorf("%q, %v", b, err)
	}
	if sums := o.LogIns(); sums.LogOuts != 1 {
		t.Errorf("%+v", sums)
	}
}
