package veeam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/secret"
)

// ErrNoClients means that the server has no Clients resource in that version of
// its API: from 13 on there is none (REST API reference, 7.2.1 and 13).
var ErrNoClients = errors.New("veeam: no Clients resource")

// ErrNoClient means that there is no client of that id, or that it is another
// user's.
var ErrNoClient = errors.New("veeam: no such client")

// Clients are the credentials for programs that belong to a user of the server
// (REST API reference, Clients). It is safe for concurrent use.
type Clients struct {
	Client     orchestrator.Client
	APIVersion string // such as v7.21
}

// Made is a new client. The server tells its secret this once.
type Made struct {
	ID     string
	Secret secret.Source
}

// CallError is a call that did not do what it should.
type CallError struct {
	// Result says what happened, and whether the call may have been carried out:
	// then its verdict is Unknown.
	Result orchestrator.Result
	err    error // nil, or why no answer came; its text may hold the URL
}

// Error is what happened, without anything that the server wrote.
func (e *CallError) Error() string { return "veeam: " + e.Result.Detail }

// Unwrap is the cause where no answer came.
func (e *CallError) Unwrap() error { return e.err }

// List asks for the ids of the clients: those of the user, or a client's own.
func (c *Clients) List(ctx context.Context) ([]string, error) {
	a, err := c.call(ctx, "ListClients", http.MethodGet, "", false)
	if err != nil {
		return nil, err
	}
	ids, ok := idsIn(a.Body)
	if !ok {
		return nil, unexpected(a, false)
	}
	return ids, nil
}

// Create makes a client. After an error that is a [CallError] of the verdict
// Unknown there may be one whose secret nobody knows.
func (c *Clients) Create(ctx context.Context) (Made, error) {
	a, err := c.call(ctx, "CreateClient", http.MethodPost, "", true)
	if err != nil {
		return Made{}, err
	}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if json.Unmarshal(a.Body, &made) != nil || made.ID == "" || made.Secret == "" || strings.Contains(made.ID, made.Secret) {
		return Made{}, unexpected(a, true)
	}
	return Made{ID: made.ID, Secret: secret.Literal(made.Secret)}, nil
}

// Delete removes the client of that id: its secret is good no more.
func (c *Clients) Delete(ctx context.Context, id string) error {
	if id == "" {
		return ErrNoClient // the server must not take it for all of them
	}
	_, err := c.call(ctx, "DeleteClient", http.MethodDelete, "?clientId="+url.QueryEscape(id), true)
	if call, ok := errors.AsType[*CallError](err); err == nil || ok && call.Result.Verdict != job.Rejected {
		return err
	}
	// Which status says that there is no such client is not documented.
	ids, failed := c.List(ctx)
	switch {
	case errors.Is(failed, ErrNoClients):
		return failed
	case failed == nil && !slices.ContainsFunc(ids, func(known string) bool { return strings.EqualFold(known, id) }):
		return ErrNoClient
	}
	return err
}

func (c *Clients) call(ctx context.Context, operation, method, query string, acts bool) (orchestrator.Answer, error) {
	a := c.Client.Do(ctx, orchestrator.Call{
		Operation: operation, Method: method, Path: "/api/" + c.APIVersion + "/Clients" + query, Acts: acts,
	})
	switch {
	case a.Status >= 200 && a.Status < 300 && a.Err == nil && !bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("<")):
		return a, nil
	case (a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed) && a.Err == nil:
		return a, fmt.Errorf("%w in version %s of its API", ErrNoClients, c.APIVersion)
	}
	return a, &CallError{Result: orchestrator.Classify(a, acts, true), err: a.Err}
}

// unexpected is a good answer whose body is not what the API promises.
func unexpected(a orchestrator.Answer, acts bool) error {
	return &CallError{Result: orchestrator.Classify(a, acts, false)}
}

// idsIn reads a list of ids: as text, which the reference shows, or as objects
// that look like what a new client is answered with.
func idsIn(body []byte) (ids []string, ok bool) {
	var rows []json.RawMessage
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || json.Unmarshal(trimmed, &rows) != nil || rows == nil {
		return nil, false
	}
	for _, row := range rows {
		var id string
		if json.Unmarshal(row, &id) != nil {
			var object struct {
				ID string `json:"client_id"`
			}
			if json.Unmarshal(row, &object) != nil {
				return nil, false
			}
			id = object.ID
		}
		if id == "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}
