package veeam

import (
	"net/http"
	"slices"

	"github.com/queueferry/queueferry/internal/simulator/server"
)

// message is the error envelope of a resource. Its shape is the web framework's
// and not documented.
func message(status int, text string) server.Answer {
	return server.JSON(status, map[string]any{"message": text})
}

// oauth is the error envelope of the token endpoint.
func oauth(status int, name, description string) server.Answer {
	return server.JSON(status, map[string]any{"error": name, "error_description": description})
}

// refusal is what a fault answers with.
func refusal(c *server.Call, status int, code string) server.Answer {
	if !slices.Contains([]server.Operation{LogIn, Renew, MFA}, c.Operation) {
		return message(status, "An error has occurred.")
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
