package server

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Answer is what goes back to the caller.
type Answer struct {
	Status      int
	ContentType string      // empty: none is told
	Header      http.Header // further headers; may be nil
	Body        []byte
}

// JSON is an answer with a value as its body. The members of a map come in order.
func JSON(status int, value any) Answer {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic(err) // the simulators write only what JSON can say
	}
	return Answer{Status: status, ContentType: "application/json; charset=utf-8", Body: body}
}

// Page is what a gateway or a bare web server says.
func Page(status int) Answer {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	body := "<!DOCTYPE html>\r\n<html><head><title>" + title + "</title></head>\r\n<body><center><h1>" + title +
		"</h1></center><hr><center>gateway</center></body></html>\r\n"
	return Answer{Status: status, ContentType: "text/html; charset=utf-8", Body: []byte(body)}
}

// With gives the answer a further header.
func (a Answer) With(name, value string) Answer {
	if a.Header = a.Header.Clone(); a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(name, value)
	return a
}
