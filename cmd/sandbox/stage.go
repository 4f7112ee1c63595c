package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
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

// stage is everything that runs.
type stage struct {
	dir      string
	keepDir  bool // after a failure, for its log
	uipath   *uipath.Orchestrator
	products []*product
	worker   *workerRun
	nc       *nats.Conn
	js       jetstream.JetStream
	log      *tally
	// variables are those of the configuration.
	variables map[string]string
}

// open starts the orchestrators and the worker, and connects to the worker's NATS.
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
	if err = s.openProducts(); err != nil {
		return s, err
	}
	if s.worker, err = s.startWorker(ctx); err != nil {
		return s, err
	}
	if s.nc, err = nats.Connect(s.worker.at.NATS); err != nil {
		return s, err
	}
	s.js, err = jetstream.New(s.nc)
	return s, err
}

// openProducts starts the simulated orchestrators.
func (s *stage) openProducts() error {
	tenant, o, err := openUiPath()
	if err != nil {
		return err
	}
	s.uipath, s.products = o, append(s.products, tenant)
	for _, open := range []func() (*product, error){openAutomationAnywhere, openVeeam} {
		product, err := open()
		if err != nil {
			return err
		}
		s.products = append(s.products, product)
	}
	return nil
}

func (s *stage) logFile() string { return filepath.Join(s.dir, "worker.log") }

// workerRun is the worker under way.
type workerRun struct {
	at     worker.Addresses
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
}

// secret is what the worker logs in with, everywhere.
const secret = "secret"

// startupLimit is how long the worker may take to be ready.
const startupLimit = 20 * time.Second

func (s *stage) startWorker(ctx context.Context) (*workerRun, error) {
	file := filepath.Join(s.dir, "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		return nil, err
	}
	s.variables = map[string]string{"SANDBOX_STORE": filepath.Join(s.dir, "jetstream"), "SANDBOX_SECRET_FILE": file}
	for _, product := range s.products {
		maps.Copy(s.variables, product.variables)
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
	for _, product := range s.products {
		product.close()
	}
	if s.log != nil {
		_ = s.log.file.Close()
	}
	if s.dir != "" && !s.keepDir {
		_ = os.RemoveAll(s.dir)
	}
}

// stayOpen tells what to try by hand, and waits for an interrupt.
func (s *stage) stayOpen(ctx context.Context, out io.Writer) error {
	file, err := s.writeConfig()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nEverything goes on running until Ctrl-C. To try by hand:")
	fmt.Fprintf(out, "  export NATS_URL=%s QUEUEFERRY_CONFIG=%s\n", s.worker.at.NATS, file)
	for _, product := range s.products {
		fmt.Fprintf(out, "\n%s, at %s\n", product.name, strings.Join(product.urls, " and "))
		for _, k := range product.kinds {
			fmt.Fprintf(out, "  nats pub %s '%s'\n", strings.Replace(k.subject, ".new", ".mine", 1), k.try)
		}
	}
	fmt.Fprintf(out, `
And what became of it:
  nats pub jobs.invoices.mine 'not a request'
  go run ./cmd/worker check
  go run ./cmd/worker deadletter list
  curl http://%[1]s/readyz     (or /status, or /metrics)
  tail -f %[2]s
`, s.worker.at.Admin, s.logFile())
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
