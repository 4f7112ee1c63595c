package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// defaultWidth is that of a terminal which does not tell its own.
const defaultWidth = 80

// terminal is where a command reads and writes, and what it knows of it: a
// person is asked, shown progress and spared long lines; a script is not.
type terminal struct {
	in       io.Reader
	out, err io.Writer

	inTTY, outTTY, errTTY bool
	// width is that of out in columns, or of err where out is no terminal.
	width func() int
}

// terminalOf looks at what is behind the streams.
func terminalOf(in io.Reader, out, err io.Writer) terminal {
	t := terminal{in: in, out: out, err: err, inTTY: isTTY(in), outTTY: isTTY(out), errTTY: isTTY(err)}
	t.width = func() int {
		for _, stream := range []any{out, err} {
			if f, ok := stream.(*os.File); ok {
				if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
					return columns
				}
			}
		}
		return defaultWidth
	}
	return t
}

func isTTY(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// lineWidth bounds a line of out; 0: no bound, for lines are cut for people only.
func (t terminal) lineWidth() int {
	if !t.outTTY {
		return 0
	}
	return t.width()
}

// colour tells whether out takes colours.
func (t terminal) colour() bool {
	return t.outTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
