package automationanywhere

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// The error codes. The first two were seen on real servers; the others are not
// documented, a caller must not depend on them.
const (
	codeNoToken     = "UM1117"
	codeMishap      = "generic.server.exception"
	codeCredentials = "UM1110"
	codeToken       = "UM1111"
	codeDisabled    = "UM1112"
	codeMalformed   = "generic.bad.request"
	codeForbidden   = "UM1113"
)

func envelope(status int, code, message string) server.Answer {
	return server.JSON(status, map[string]any{"code": code, "details": nil, "message": message})
}

// refusal is the error envelope for a status.
func refusal(_ *server.Call, status int, code string) server.Answer {
	if code == "" {
		switch {
		case status == http.StatusUnauthorized:
			code = codeToken
		case status == http.StatusForbidden:
			code = codeForbidden
		case status >= 500:
			code = codeMishap
		default:
			code = codeMalformed
		}
	}
	return envelope(status, code, http.StatusText(status))
}

// forbidden is the answer to an account that lacks a permission.
func forbidden() server.Answer {
	return envelope(http.StatusForbidden, codeForbidden, "Unauthorized access")
}

func notFound(what string) server.Answer {
	return envelope(http.StatusNotFound, codeMalformed, what+" not found")
}

// malformed is the answer to a request that does not fit. Automation 360 takes it
// for its own fault where tokens are given; that was seen at the log-in only.
func (o *ControlRoom) malformed(c *server.Call, message string) server.Answer {
	if o.settings.Generation == A360 && slices.Contains(Identity, c.Operation) {
		return envelope(http.StatusInternalServerError, codeMishap, "An unexpected problem occurred")
	}
	return envelope(http.StatusBadRequest, codeMalformed, message)
}

// decode reads a JSON body into a struct. Members are matched letter by letter;
// unknown and repeated ones are refused, and so is every value of another type.
func (o *ControlRoom) decode(c *server.Call, into any) *server.Answer {
	if !c.HasType("application/json") {
		a := refusal(c, http.StatusUnsupportedMediaType, "")
		return &a
	}
	err := json.Unmarshal(c.Body, into, json.RejectUnknownMembers(true))
	if err == nil && !c.Cut {
		return nil
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok && errors.Is(err, json.ErrUnknownName) {
		o.Violate(c, "an unknown member "+string(semantic.JSONPointer))
	}
	a := o.malformed(c, "The request could not be read")
	return &a
}
