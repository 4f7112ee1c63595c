package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
)

// deletion is what the command is asked to do.
type deletion struct {
	*clientsCommand
	id   string
	yes  bool
	json bool
}

func newClientsDelete(k *clientsCommand) *cobra.Command {
	p := &deletion{clientsCommand: k}
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a client",
		Long: "Delete the client of that id: nobody can log in with it any more, and a worker that does has no token. On a\n" +
			"terminal it asks first.",
		Example: "  worker clients delete 72225B81-3FC2-4116-9CDE-21270360B25C --connection recovery",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return wrongUse(c, "give the id of one client")
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&p.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&p.json, "json", false, "write one JSON object instead of text")
	c.RunE = func(c *cobra.Command, args []string) error {
		p.id = args[0]
		cfg, s, err := k.chosen(c)
		if err != nil {
			return err
		}
		if p.inTTY && p.outTTY && !p.yes && !p.confirmed(c.Context(), p.question(cfg)) {
			return errNothingDeleted
		}
		return p.run(c.Context(), cfg, s)
	}
	return c
}

var errNothingDeleted = errors.New("nothing was deleted")

func (p *deletion) question(cfg *config.Config) string {
	question := fmt.Sprintf("Delete client %s?", plain(p.id, ""))
	if logsInWith(cfg, p.id) {
		question = "This configuration logs in with that client. " + question
	}
	return question
}

// logsInWith reports whether a credential of the configuration is that client.
func logsInWith(cfg *config.Config, id string) bool {
	for _, s := range cfg.Connections {
		for _, c := range s.Credentials {
			if s.Product == config.Veeam && c.ClientID == id {
				return true
			}
		}
	}
	return false
}

func (p *deletion) run(ctx context.Context, cfg *config.Config, s config.Connection) error {
	err := p.with(ctx, cfg, s, func(ctx context.Context, user clientUser) error {
		err := user.clients.Delete(ctx, p.id)
		if call, ok := errors.AsType[*veeam.CallError](err); ok && call.Result.Verdict == job.Unknown {
			return fmt.Errorf("%s.\nThe client may have been deleted: see worker clients list", call.Result.Detail)
		}
		return err
	})
	if err != nil {
		return err
	}
	if p.json {
		w := jsonWriter{w: p.out}
		return w.write(deletionRecord{s.Name, p.id})
	}
	p.say("Deleted client %s.", plain(p.id, ""))
	return nil
}

// deletionRecord is the result as JSON.
type deletionRecord struct {
	Connection string `json:"connection"`
	Deleted    string `json:"deleted"`
}
