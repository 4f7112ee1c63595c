package veeam_test

import (
	"testing"

	"github.com/queueferry/queueferry/internal/simulator/server"
	"github.com/queueferry/queueferry/internal/simulator/veeam"
)

func TestShapesOfErrors(t *testing.T) {
	t.Parallel()
	const busy, denied = "The plan is in use.", "Authorization has been denied for this request."
	page := func(status int) string { return string(server.Page(status).Body) }
	tests := map[string]struct {
		shape                veeam.ErrorShape
		busy, refused, media string
	}{
		"message": {veeam.MessageErrors, `{"message":"` + busy + `"}`, `{"message":"` + denied + `"}`, "application/json; charset=utf-8"},
		"Message": {veeam.CapitalErrors, `{"Message":"` + busy + `"}`, `{"Message":"` + denied + `"}`, "application/json; charset=utf-8"},
		"error":   {veeam.PlainErrors, `{"error":"` + busy + `"}`, `{"error":"` + denied + `"}`, "application/json; charset=utf-8"},
		"OAuth": {veeam.OAuthErrors, `{"error":"invalid_request","error_description":"` + busy + `"}`,
			`{"error":"invalid_request","error_description":"` + denied + `"}`, "application/json; charset=utf-8"},
		"problem": {veeam.ProblemErrors, `{"detail":"` + busy + `","status":409,"title":"Conflict"}`,
			`{"detail":"` + denied + `","status":401,"title":"Unauthorized"}`, "application/problem+json; charset=utf-8"},
		"wrapped": {veeam.WrappedErrors, `{"data":null,"message":"` + busy + `","success":false}`,
			`{"data":null,"message":"` + denied + `","success":false}`, "application/json; charset=utf-8"},
		"text":   {veeam.TextErrors, busy, denied, "text/plain; charset=utf-8"},
		"quoted": {veeam.QuotedErrors, `"` + busy + `"`, `"` + denied + `"`, "application/json; charset=utf-8"},
		"HTML":   {veeam.HTMLErrors, page(409), page(401), "text/html; charset=utf-8"},
		"null":   {veeam.NullErrors, "null", "null", "application/json; charset=utf-8"},
		"empty":  {veeam.EmptyErrors, "", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{Errors: test.shape, RunFor: -1}, veeam.Plan{})
			a.Begin(a.plan.ID, veeam.Restore)
			got := a.act(veeam.ReadinessCheck, checkBody)
			if got.status != 409 || got.text != test.busy || got.header.Get("Content-Type") != test.media {
				t.Errorf("busy: %d %s", got.status, got.text)
			}
			a.token = "x"
			if got := a.act(veeam.ReadinessCheck, checkBody); got.status != 401 || got.text != test.refused || got.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("refused: %d %s", got.status, got.text)
			}
			if got := a.ask("grant_type", "password", "username", "x", "password", "y"); got.value("error") != "invalid_grant" {
				t.Errorf("the token endpoint: %s", got.text)
			}
		})
	}
}

func TestBodiesOfSuccess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		success     veeam.Success
		text, media string
	}{
		"empty":   {veeam.EmptySuccess, "", ""},
		"null":    {veeam.NullSuccess, "null", "application/json; charset=utf-8"},
		"wrapped": {veeam.WrappedSuccess, `{"data":null,"success":true}`, "application/json; charset=utf-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startWith(t, veeam.Settings{Success: test.success}, veeam.Plan{})
			got := a.act(veeam.ReadinessCheck, checkBody)
			if got.status != 200 || got.text != test.text || got.header.Get("Content-Type") != test.media {
				t.Errorf("got %d %q as %q", got.status, got.text, got.header.Get("Content-Type"))
			}
		})
	}
}
