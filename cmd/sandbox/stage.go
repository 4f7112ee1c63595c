package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/configs"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/simulator/uipath"
	"github.com/queueferry/queueferry/internal/worker"
)

// The orchestrator's folder, queues and process. Notes is the queue that does not
// enforce unique references. Missing is one that a publisher may name and that
// does not exist.
const (
	folder   = "Finance/AP"
	invoices = "Invoices"
	claims   = "Claims"
	notes    = "Notes"
	missing  = "Archive"
	process  = "PostInvoice"
)

// stage is everything that runs.
type stage struct {
	dir    string
	uipath *uipath.Orchestrator
	worker *workerRun
	nc     *nats.Conn
	js     jetstream.JetStream
	log    *tally
	// variables are those of the configuration.
	variables map[string]string
}

// open starts the orchestrator and the worker, and connects to the worker's NATS.
func open(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "queueferry-sandbox-"); err != nil {
		return s, err
	}
	if s.log, err = newTally(s.logFile()); err != nil {
		return s, err
	}
	if s.uipath, err = uipath.Start(uipath.Settings{LookUpsPerMinute: -1}); err != nil {
		return s, err
	}
	s.uipath.AddFolder(folder)
	s.uipath.AddQueue(folder, invoices, uipath.Queue{UniqueReference: true})
	s.uipath.AddQueue(folder, claims, uipath.Queue{UniqueReference: true})
	s.uipath.AddQueue(folder, notes, uipath.Queue{})
	s.uipath.AddProcess(folder, process)
	if s.worker, err = s.startWorker(ctx); err != nil {
		return s, err
	}
	if s.nc, err = nats.Connect(s.worker.at.NATS); err != nil {
		return s, err
	}
	s.js, err = jetstream.New(s.nc)
	return s, err
}

func (s *stage) logFile() string { return filepath.Join(s.dir, "worker.log") }

// workerRun is the worker under way.
type workerRun struct {
	at     worker.Addresses
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
}

// startupLimit is how long the worker may take to be ready.
const startupLimit = 20 * time.Second

func (s *stage) startWorker(ctx context.Context) (*workerRun, error) {
	secret := filepath.Join(s.dir, "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		return nil, err
	}
	s.variables = map[string]string{
		"SANDBOX_STORE": filepath.Join(s.dir, "jetstream"), "SANDBOX_SECRET_FILE": secret,
		"SANDBOX_URL": s.uipath.URL(), "SANDBOX_TOKEN_URL": s.uipath.TokenURL(),
	}
	cfg, err := config.Parse("configs/sandbox.yaml", configs.Sandbox, func(name string) (string, bool) {
		value, ok := s.variables[name]
		return value, ok
	})
	if err != nil {
		return nil, err
	}
	// The worker outlives an interrupt: it is stopped when the play is over.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &workerRun{cancel: cancel, done: make(chan struct{})}
	started := make(chan worker.Addresses, 1)
	go func() {
		defer close(w.done)
		w.err = worker.Run(running, cfg, worker.Options{
			ConfigFile: "configs/sandbox.yaml", Log: s.log, Started: func(a worker.Addresses) { started <- a },
		})
	}()
	select {
	case w.at = <-started:
		return w, nil
	case <-w.done:
		return w, fmt.Errorf("the worker ended: %w", w.err)
	case <-time.After(startupLimit):
		return w, errors.New("the worker did not get ready")
	case <-ctx.Done():
		return w, ctx.Err()
	}
}

// stop drains the worker.
func (w *workerRun) stop() {
	w.cancel()
	<-w.done
}

func (s *stage) close() {
	if s.nc != nil {
		s.nc.Close()
	}
	if s.worker != nil {
		s.worker.stop()
	}
	if s.uipath != nil {
		s.uipath.Close()
	}
	if s.log != nil {
		_ = s.log.file.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// stayOpen tells what to try by hand, and waits for an interrupt.
func (s *stage) stayOpen(ctx context.Context, out io.Writer) error {
	file, err := s.writeConfig()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
Everything goes on running until Ctrl-C. To try by hand, with the nats command line and this worker's own:
  nats --server %[1]s pub jobs.invoices.mine '{"id": "mine-1", "content": {"Vendor": "ACME"}}'
  nats --server %[1]s pub jobs.robots.mine '{"id": "mine-2", "arguments": {"in_Vendor": "ACME"}}'
  nats --server %[1]s pub jobs.invoices.mine 'not a request'
  go run ./cmd/worker check --config %[5]s
  go run ./cmd/worker deadletter list --config %[5]s
  curl http://%[2]s/readyz
  curl http://%[2]s/status
  curl http://%[2]s/metrics
  tail -f %[3]s
Subjects: jobs.invoices.>, jobs.claims.>, jobs.notes.>, jobs.robots.>   Orchestrator: %[4]s
`, s.worker.at.NATS, s.worker.at.Admin, s.logFile(), s.uipath.URL(), file)
	select {
	case <-ctx.Done():
	case <-s.worker.done:
	}
	return nil
}

// writeConfig writes the file that other commands reach all of this with.
func (s *stage) writeConfig() (path string, err error) {
	path = filepath.Join(s.dir, "queueferry.yaml")
	text := string(configs.Sandbox)
	for name, value := range s.variables {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	head, rest, found := strings.Cut(text, "  embedded: ")
	_, rest, ended := strings.Cut(rest, "\n")
	if !found || !ended {
		return "", errors.New("configs/sandbox.yaml has no embedded server")
	}
	text = fmt.Sprintf("%s  url: %s\n%s", head, s.worker.at.NATS, rest)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
