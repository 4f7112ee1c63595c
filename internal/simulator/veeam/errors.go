package veeam

import (
	"net/http"
	"slices"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// ErrorShape is the form of a resource's error body. None is documented; all are
// forms that web frameworks of the product's kind have.
type ErrorShape int

// The shapes.
const (
	MessageErrors ErrorShape = iota // {"message": text}
	CapitalErrors                   // {"Message": text}
	PlainErrors                     // {"error": text}
	OAuthErrors                     // {"error": code, "error_description": text}
	ProblemErrors                   // title, status and detail, as application/problem+json
	WrappedErrors                   // {"success": false, "message": text, "data": null}
	TextErrors                      // the text, as text/plain
	QuotedErrors                    // the text as a JSON string
	HTMLErrors                      // a page of the web server
	NullErrors                      // null
	EmptyErrors                     // no body
)

// message is the error body of a resource.
func (o *Orchestrator) message(status int, text string) server.Answer {
	switch o.settings.Errors {
	case CapitalErrors:
		return server.JSON(status, map[string]any{"Message": text})
	case PlainErrors:
		return server.JSON(status, map[string]any{"error": text})
	case OAuthErrors:
		return oauth(status, "invalid_request", text)
	case ProblemErrors:
		a := server.JSON(status, map[string]any{"title": http.StatusText(status), "status": status, "detail": text})
		a.ContentType = "application/problem+json; charset=utf-8"
		return a
	case WrappedErrors:
		return server.JSON(status, map[string]any{"success": false, "message": text, "data": nil})
	case TextErrors:
		return server.Answer{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text)}
	case QuotedErrors:
		return server.JSON(status, text)
	case HTMLErrors:
		return server.Page(status)
	case NullErrors:
		return server.JSON(status, nil)
	case EmptyErrors:
		return server.Answer{Status: status}
	default:
		return server.JSON(status, map[string]any{"message": text})
	}
}

// oauth is the error envelope of the token endpoint.
func oauth(status int, name, description string) server.Answer {
	return server.JSON(status, map[string]any{"error": name, "error_description": description})
}

// refusal is what a fault answers with.
func (o *Orchestrator) refusal(c *server.Call, status int, code string) server.Answer {
	if !slices.Contains([]server.Operation{LogIn, Renew, MFA}, c.Operation) {
		return o.message(status, "An error has occurred.")
	}
	if code == "" {
		switch {
		case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
			code = "temporarily_unavailable"
		case status >= 500:
			code = "server_error"
		default:
			code = "invalid_grant"
		}
	}
	return oauth(status, code, http.StatusText(status))
}
