package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"time"
)

// childMark is the first argument of a process that the bench starts of itself;
// the second is its role.
const childMark = "-child"

// role is what a child process does.
type role string

const (
	natsServer role = "nats-server"
	bareLoop   role = "bare-loop"
	theWorker  role = "worker"
)

// task is what a child is told when it starts, as the first line of its input.
type task struct {
	Store   string // natsServer: where it stores
	NATS    string // URL
	Stream  string
	URL     string // of the mock
	CAFile  string
	Token   string
	Calls   int
	Batch   int
	Config  string // theWorker: its file, as text
	Profile string // file; empty: none
}

// usage is what a child says when it is ready, and for each line after.
type usage struct {
	URL string        // natsServer: where it listens
	CPU time.Duration // of all its threads, since it began
	RSS int64         // most memory so far, bytes
}

// child is the whole life of a child process: it ends when its input does, so
// none is left over whatever becomes of the parent.
func child(r string) (exitCode int) {
	if err := serve(role(r), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", r, err)
		return 1
	}
	return 0
}

// work is what a child does until ctx ends; it calls ready once, with its URL if
// it has one.
type work func(ctx context.Context, t task, ready func(url string)) error

func serve(r role, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var t task
	if !lines.Scan() {
		return lines.Err()
	}
	if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
		return err
	}
	do, ok := map[role]work{natsServer: serveNATS, bareLoop: runBare, theWorker: runWorker}[r]
	if !ok {
		return errors.New("there is no such role")
	}
	if t.Profile == "" {
		return attend(do, t, lines, out)
	}
	return profiled(t.Profile, func() error { return attend(do, t, lines, out) })
}

// profiled writes a CPU profile into the file, and what was allocated into one
// beside it.
func profiled(name string, do func() error) error {
	cpu, err := os.Create(name)
	if err != nil {
		return err
	}
	defer cpu.Close()
	allocs, err := os.Create(name + ".allocs")
	if err != nil {
		return err
	}
	defer allocs.Close()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, pprof.Lookup("allocs").WriteTo(allocs, 0))
}

// attend does the work and answers what is asked meanwhile.
func attend(do work, t task, lines *bufio.Scanner, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- do(ctx, t, func(url string) { ready <- url }) }()
	select {
	case url := <-ready:
		if err := tell(out, url); err != nil {
			return err
		}
	case err := <-ended:
		return err
	}
	for lines.Scan() {
		if err := tell(out, ""); err != nil {
			return err
		}
	}
	cancel()
	return <-ended
}

func tell(out io.Writer, url string) error {
	u := ownUsage()
	u.URL = url
	return json.NewEncoder(out).Encode(u)
}

// process is a child, seen from its parent.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Scanner
	first usage // when it was ready
}

// start starts a child and waits until it is ready.
func start(ctx context.Context, r role, t task) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, childMark, string(r))}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if p.first, err = p.ask(t); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// usage is what the process has used up to now.
func (p *process) usage() (usage, error) { return p.ask(struct{}{}) }

func (p *process) ask(question any) (u usage, err error) {
	if err := json.NewEncoder(p.in).Encode(question); err != nil {
		return u, err
	}
	if !p.out.Scan() {
		return u, errors.New("a child process ended early")
	}
	return u, json.Unmarshal(p.out.Bytes(), &u)
}

// stop lets the process come to its end, and waits for it.
func (p *process) stop() error {
	_ = p.in.Close()
	return p.cmd.Wait()
}
