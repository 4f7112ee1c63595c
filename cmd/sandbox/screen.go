package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// screen shows how far the play is: with a bar on a terminal, with plain lines
// elsewhere.
type screen struct {
	out   io.Writer
	bar   *progressbar.ProgressBar // nil: plain lines
	began time.Time
	last  time.Time
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, began: time.Now(), last: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.bar = progressbar.NewOptions(1, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	}
	return s
}

// say writes a paragraph of the story.
func (s *screen) say(format string, args ...any) {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
	const indent = "        "
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n"+indent)
	fmt.Fprintf(s.out, "%5.1fs  %s\n", time.Since(s.began).Seconds(), text)
	s.last = time.Now()
}

// show tells how many of the messages are settled.
func (s *screen) show(finished, published int) {
	if s.bar != nil {
		s.bar.Describe("settled ")
		s.bar.ChangeMax(max(published, 1))
		_ = s.bar.Set(finished)
		return
	}
	if time.Since(s.last) < 5*time.Second {
		return
	}
	s.say("… %d of %d settled", finished, published)
}

func (s *screen) end() {
	if s.bar != nil {
		_ = s.bar.Finish()
	}
}
