package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
)

// creation is what the command is asked to do.
type creation struct {
	*clientsCommand
	path string
	json bool
}

func newClientsCreate(k *clientsCommand) *cobra.Command {
	p := &creation{clientsCommand: k}
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a client, and write its secret to a new file",
		Long: "Make a client of the user, and write its secret to a new file that only its owner may read (mode 0600). It\n" +
			"is shown nowhere, and the server tells it no second time. The output is the client's id, and the lines of a\n" +
			"credential for the configuration.",
		Example: "  worker clients create --connection recovery --secret-file /etc/queueferry/vro-client-secret",
		Args:    noArgs,
	}
	c.Flags().StringVar(&p.path, "secret-file", "", "`FILE` to make for the secret; one that is there is never written over (required)")
	c.Flags().BoolVar(&p.json, "json", false, "write one JSON object instead of text")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if p.path == "" {
			return wrongUse(c, "--secret-file is missing")
		}
		cfg, s, err := k.chosen(c)
		if err != nil {
			return err
		}
		if s.Credentials[0].Grant == config.ClientCredentials {
			problem := cfg.Problem("connections."+s.Name+".credentials", "are clients only, and a client cannot make clients; add the user's, with grant password")
			return &config.Error{Problems: []config.Problem{problem}}
		}
		return p.run(c.Context(), cfg, s)
	}
	return c
}

// run has the file ready before it asks for anything, and asks to the end
// whatever is pressed: a secret that comes must have a place.
func (p *creation) run(ctx context.Context, cfg *config.Config, s config.Connection) error {
	file, err := newSecretFile(p.path)
	if err != nil {
		return err
	}
	defer file.discard()
	var made veeam.Made
	err = p.with(ctx, cfg, s, func(ctx context.Context, user clientUser) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		made, err = user.clients.Create(context.WithoutCancel(ctx))
		if err != nil {
			return perhapsMade(err)
		}
		return p.keep(file, made)
	})
	if err != nil {
		return err
	}
	return p.show(s, made.ID, file.path)
}

// perhapsMade says so where nobody knows whether there is a client now.
func perhapsMade(err error) error {
	if call, ok := errors.AsType[*veeam.CallError](err); ok && call.Result.Verdict == job.Unknown {
		return fmt.Errorf("%s.\nA client may have been made whose secret nobody knows: see worker clients list, and delete it", call.Result.Detail)
	}
	return err
}

// keep puts the secret into the file. Where that fails the client is of no use.
func (p *creation) keep(file *secretFile, made veeam.Made) error {
	value, err := made.Secret.Read()
	if err == nil {
		err = file.keep(value)
	}
	if err != nil {
		return fmt.Errorf("client %s was made, but %w", plain(made.ID, ""), err)
	}
	return nil
}

// creationRecord is the result as JSON.
type creationRecord struct {
	Connection string `json:"connection"`
	ID         string `json:"client_id"`
	SecretFile string `json:"secret_file"`
}

func (p *creation) show(s config.Connection, id, path string) error {
	if p.json {
		w := jsonWriter{w: p.out}
		return w.write(creationRecord{s.Name, id, path})
	}
	p.say("The secret is in %s. Under connections.%s.credentials the client is:", plain(path, ""), s.Name)
	_, err := fmt.Fprintf(p.out, "- grant: client_credentials\n  client_id: %s\n  client_secret: {file: %s}\n", scalar(id), scalar(path))
	return err
}

// scalar is text as a value of the configuration.
func scalar(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(strings.ReplaceAll(text, "${", "$${")); err != nil {
		return `""`
	}
	return string(plainJSON([]byte(strings.TrimSpace(b.String()))))
}
