package main

import (
	"github.com/spf13/cobra"
)

// The forms of output.
const (
	asTable  = "table"
	asJSON   = "json"
	asNDJSON = "ndjson"
)

// outputFlags choose the form of the output.
type outputFlags struct {
	form string
	json bool
}

func (f *outputFlags) register(c *cobra.Command, table string) {
	c.Flags().StringVarP(&f.form, "output", "o", asTable, "`FORM` of the output: "+table+", json (one array) or ndjson (one object in each line)")
	c.Flags().BoolVar(&f.json, "json", false, "the same as --output json")
}

// chosen is the form asked for; an error is wrong use.
func (f *outputFlags) chosen(c *cobra.Command) (string, error) {
	switch f.form {
	case asTable, asJSON, asNDJSON:
	default:
		return "", wrongUse(c, "unknown output %q; known are %s, %s, %s", f.form, asTable, asJSON, asNDJSON)
	}
	if !f.json {
		return f.form, nil
	}
	if c.Flags().Changed("output") && f.form != asJSON {
		return "", wrongUse(c, "--json and --output %s exclude each other", f.form)
	}
	return asJSON, nil
}
