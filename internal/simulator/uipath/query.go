package uipath

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// options are the query options of a call, judged.
type options struct {
	filter   expression // nil: everything
	selected []string   // in lower case; empty: everything
	order    []ordering
	top      int
	skip     int
	count    bool
}

type ordering struct {
	property   string // in lower case
	descending bool
}

const maxOrderings = 5

// told is an error in the words of the server.
type told string

func (t told) Error() string { return string(t) }

// schema is what the options of a call may name.
type schema interface {
	kindOf(property string) (kind, []string, bool)
	sortable(property string) bool
}

// options reads the query of a call. rows is nil where nothing can be selected.
func (o *Orchestrator) options(c *call, rows schema) (options, *answer) {
	values, err := o.readQuery(c)
	if err == nil {
		var read options
		if read, err = o.readOptions(c, values, rows); err == nil {
			return read, nil
		}
	}
	refused := c.business(http.StatusBadRequest, codeInvalidRequest, "Invalid OData query options. "+err.Error())
	return options{}, &refused
}

// readQuery takes the query apart. Whatever not all servers read alike is
// refused: bytes that should have been percent-encoded, and a bare plus sign,
// which is a space to one server and a plus to another.
func (o *Orchestrator) readQuery(c *call) (map[string]string, error) {
	values := map[string]string{}
	if c.query == "" {
		return values, nil
	}
	if strings.Contains(c.query, "+") {
		o.books.violate(string(c.op) + ": a plus sign in the query is not percent-encoded")
		return nil, told("A plus sign must be percent-encoded.")
	}
	if !isQuery(c.query) {
		return nil, told("The query is not percent-encoded.")
	}
	for pair := range strings.SplitSeq(c.query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.PathUnescape(rawName)
		if err != nil {
			return nil, err
		}
		value, err := url.PathUnescape(rawValue)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(c.route.options, name) {
			o.books.violate(fmt.Sprintf("%s: unknown query option %q", c.op, name))
			if strings.HasPrefix(name, "$") {
				return nil, told(fmt.Sprintf("The query parameter '%s' is not supported.", name))
			}
			continue // as a server does: without the dollar a filter is ignored
		}
		if _, twice := values[name]; twice {
			return nil, told(fmt.Sprintf("Query option '%s' was specified more than once.", name))
		}
		values[name] = value
	}
	return values, nil
}

// isQuery reports whether a text holds only what RFC 3986 lets a query hold.
func isQuery(text string) bool {
	for i := range len(text) {
		b := text[i]
		if !isWordByte(b) && strings.IndexByte("~!$&'()*,;=@/?%", b) < 0 {
			return false
		}
	}
	return true
}

func (o *Orchestrator) readOptions(c *call, values map[string]string, rows schema) (options, error) {
	read := options{top: c.route.maxTop}
	for name, value := range values {
		var err error
		switch name {
		case "$filter":
			read.filter, err = o.readFilter(value, rows)
		case "$select":
			read.selected, err = readSelect(value, rows)
		case "$orderby":
			read.order, err = readOrder(value, rows)
		case "$top":
			read.top, err = readNumber(name, value)
			if err == nil && read.top > c.route.maxTop {
				err = told(fmt.Sprintf("The limit of '%d' for Top query has been exceeded. The value from the incoming request is '%d'.",
					c.route.maxTop, read.top))
			}
		case "$skip":
			read.skip, err = readNumber(name, value)
		case "$count":
			if read.count = value == "true"; value != "true" && value != "false" {
				err = fmt.Errorf("invalid value '%s' for $count", value)
			}
		case "$expand":
			err = errors.New("$expand is not simulated")
		}
		if err != nil {
			return options{}, err
		}
	}
	return read, nil
}

func (o *Orchestrator) readFilter(text string, rows schema) (expression, error) {
	e, err := parseFilter(text)
	if err != nil {
		return nil, err
	}
	if limit := o.settings.MaxFilterNodes; nodes(e) > limit {
		return nil, told(fmt.Sprintf("The node count limit of '%d' has been exceeded.", limit))
	}
	return e, checkTypes(e, rows.kindOf)
}

func readSelect(text string, rows schema) ([]string, error) {
	var selected []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if rows == nil {
			return nil, errors.New("nothing can be selected here")
		}
		if _, _, ok := rows.kindOf(name); !ok {
			return nil, fmt.Errorf("could not find a property named '%s'", name)
		}
		selected = append(selected, name)
	}
	return selected, nil
}

func readOrder(text string, rows schema) ([]ordering, error) {
	var order []ordering
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
			return nil, fmt.Errorf("syntax error in $orderby at %q", part)
		}
		name := strings.ToLower(words[0])
		if !rows.sortable(name) {
			return nil, fmt.Errorf("the results cannot be ordered by '%s'", name)
		}
		order = append(order, ordering{name, len(words) == 2 && words[1] == "desc"})
	}
	if len(order) > maxOrderings {
		return nil, fmt.Errorf("the limit of '%d' expressions in $orderby has been exceeded", maxOrderings)
	}
	return order, nil
}

func readNumber(name, text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("invalid value '%s' for %s", text, name)
	}
	return int(n), nil
}
