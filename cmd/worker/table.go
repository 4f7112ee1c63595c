package main

import (
	"bufio"
	"io"
	"strings"
)

const (
	// tableSample is how many rows are looked at to find the columns' widths.
	// Rows after them are written as they come.
	tableSample = 500
	// maxColumn is the widest column but for the last.
	maxColumn  = 40
	columnGap  = "  "
	emptyCell  = "-"
	leastWidth = 20 // of the last column, before it is left to the edge of the screen
)

// table writes rows in columns, any number of them in bounded memory. On a
// terminal no line is longer than a line of it; elsewhere nothing is cut.
type table struct {
	w      *bufio.Writer
	width  int // of a line; 0: nothing is cut
	rows   [][]string
	widths []int // nil until they are known
}

func newTable(w io.Writer, width int, headings ...string) *table {
	return &table{w: bufio.NewWriter(w), width: width, rows: [][]string{headings}}
}

// add writes a row. Cells are made fit for a terminal.
func (t *table) add(cells ...string) error {
	for i, c := range cells {
		if cells[i] = plain(c, ""); c == "" {
			cells[i] = emptyCell
		}
	}
	if t.widths != nil {
		return t.write(cells)
	}
	if t.rows = append(t.rows, cells); len(t.rows) <= tableSample {
		return nil
	}
	return t.settle()
}

// close writes what is left.
func (t *table) close() error {
	if t.widths == nil {
		if err := t.settle(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

// settle fixes the widths and writes the rows that they were taken from.
func (t *table) settle() error {
	t.widths = make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], min(columns(cell), maxColumn))
		}
	}
	for _, row := range t.rows {
		if err := t.write(row); err != nil {
			return err
		}
	}
	t.rows = nil
	return nil
}

func (t *table) write(cells []string) error {
	var b strings.Builder
	used := 0
	for i, cell := range cells {
		last := i == len(cells)-1
		if t.width > 0 && !last {
			cell = cut(cell, maxColumn)
		}
		if t.width > 0 && last {
			cell = cut(cell, max(t.width-used, leastWidth))
		}
		b.WriteString(cell)
		if !last {
			gap := max(t.widths[i]-columns(cell), 0)
			b.WriteString(strings.Repeat(" ", gap) + columnGap)
			used += columns(cell) + gap + len(columnGap)
		}
	}
	line := strings.TrimRight(b.String(), " ")
	if t.width > 0 {
		line = cut(line, t.width)
	}
	_, err := t.w.WriteString(line + "\n")
	return err
}
