package main

import (
	"bytes"
	"fmt"
	"html"
)

// Measures of the chart, in pixels.
const (
	chartLeft, chartWidth = 190, 720
	barHeight, barGap     = 16, 6
	groupGap, chartTop    = 18, 46
	barSpace              = chartWidth - chartLeft - 130
)

// chart is an SVG of the rates against the bare loop, which is the full width,
// with the processor time beside them.
func (r report) chart() []byte {
	var b bytes.Buffer
	rows := r.charted()
	height := chartTop + len(rows)*(2*barHeight+barGap+groupGap) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		chartWidth, height, chartWidth, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="10" y="20" font-size="14" font-weight="bold" fill="#222222">Requests per second, and CPU seconds per 10,000 requests</text>`+"\n")
	y := chartTop
	for _, c := range rows {
		most := max(c.baseline(rate).Median, c.measured(rate).Median)
		fmt.Fprintf(&b, `<text x="10" y="%d" fill="#222222">%s</text>`+"\n", y+barHeight+barGap, html.EscapeString(c.Case))
		bar(&b, y, "#9aa5b1", c.Baseline, c.baseline(rate).Median, c.baseline(cpu).Median, most)
		bar(&b, y+barHeight+barGap, "#2f6fb2", c.Measured, c.measured(rate).Median, c.measured(cpu).Median, most)
		y += 2*barHeight + barGap + groupGap
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// charted are the comparisons that have a rate.
func (r report) charted() (rows []result) {
	for _, c := range r.Results {
		if c.measured(rate).Median > 0 {
			rows = append(rows, c)
		}
	}
	return rows
}

func bar(b *bytes.Buffer, y int, colour, name string, perSecond, seconds, most float64) {
	width := perSecond / most * barSpace
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", chartLeft, y, width, barHeight, colour)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#555555">%s</text>`+"\n", chartLeft-6, y+barHeight-4, html.EscapeString(name))
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="#222222">%.0f/s, %.2f s</text>`+"\n", chartLeft+width+6, y+barHeight-4, perSecond, seconds)
}
