package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// confirmed asks a person. Only y and yes are a yes; Ctrl-C is a no.
func (t terminal) confirmed(ctx context.Context, question string) bool {
	fmt.Fprint(t.err, question+" [y/N] ")
	answer := make(chan string, 1)
	// Nothing can end a read of a terminal: after Ctrl-C the process ends with it.
	go func() { answer <- readLine(t.in) }()
	select {
	case line := <-answer:
		return line == "y" || line == "yes"
	case <-ctx.Done():
		fmt.Fprintln(t.err)
	}
	return false
}

func readLine(r io.Reader) string {
	line, _ := bufio.NewReader(r).ReadString('\n') // without an answer: no
	return strings.ToLower(strings.TrimSpace(line))
}
