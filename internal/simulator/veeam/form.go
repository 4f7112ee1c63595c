package veeam

import (
	"bytes"
	"errors"
	"mime"
	"mime/multipart"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

const maxForm = 1 << 20

var (
	errMedia = errors.New("not a form")
	errForm  = errors.New("a form that cannot be read")
)

// readForm reads the body of a token request: the reference declares it
// multipart, its example sends it urlencoded.
func readForm(c *server.Call) (map[string]string, error) {
	if c.Cut {
		return nil, errForm
	}
	if c.HasType("application/x-www-form-urlencoded") {
		return server.Parameters(string(c.Body))
	}
	media, parameters, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return nil, errMedia
	}
	form, err := multipart.NewReader(bytes.NewReader(c.Body), parameters["boundary"]).ReadForm(maxForm)
	if err != nil || len(form.File) > 0 {
		return nil, errForm
	}
	single := map[string]string{}
	for name, values := range form.Value {
		if len(values) != 1 {
			return nil, errForm
		}
		single[name] = values[0]
	}
	return single, nil
}
