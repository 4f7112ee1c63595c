package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barWidth = 30
	// plainEach is how often a line tells of progress where there is no terminal.
	plainEach = 5 * time.Second
)

// progress shows how far a work is: as a bar on a terminal, else by a line now
// and then. It is safe for concurrent use.
type progress struct {
	w     io.Writer
	verb  string // such as "replayed"
	total int
	mu    sync.Mutex               // keeps what is written apart
	bar   *progressbar.ProgressBar // nil: no terminal
	told  time.Time
}

func newProgress(t terminal, verb string, total int) *progress {
	p := &progress{w: t.err, verb: verb, total: total, told: time.Now()}
	if t.errTTY {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(t.err), progressbar.OptionSetDescription(verb), progressbar.OptionSetWidth(barWidth),
			progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

// set tells how much is done so far. There may be more than was counted.
func (p *progress) set(done int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = max(p.total, done)
	switch {
	case p.bar != nil:
		_ = p.bar.Set(done) // what is in its way is only in the way of showing it
	case time.Since(p.told) >= plainEach:
		p.told = time.Now()
		fmt.Fprintf(p.w, "%s %s of %s\n", p.verb, grouped(done), grouped(p.total))
	}
}

// line writes a line that stays.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.w, text)
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}
