package main

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"
)

// clientRecord is a client as JSON.
type clientRecord struct {
	ID string `json:"client_id"`
}

func newClientsList(k *clientsCommand) *cobra.Command {
	var output outputFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the ids of the user's clients",
		Long:    "List the ids of the user's clients. Where the connection has no other credential than a client, that is its own.",
		Example: "  worker clients list --connection recovery",
		Args:    noArgs,
	}
	output.register(c, "table")
	c.RunE = func(c *cobra.Command, _ []string) error {
		form, err := output.chosen(c)
		if err != nil {
			return err
		}
		cfg, s, err := k.chosen(c)
		if err != nil {
			return err
		}
		return k.with(c.Context(), cfg, s, func(ctx context.Context, user clientUser) error {
			ids, err := user.clients.List(ctx)
			if err != nil {
				return err
			}
			return k.list(ids, form)
		})
	}
	return c
}

func (k *clientsCommand) list(ids []string, form string) error {
	if form == asTable && len(ids) == 0 {
		k.say("There are no clients.")
		return nil
	}
	if form == asTable {
		t := newTable(k.out, k.lineWidth(), "CLIENT ID")
		for _, id := range ids {
			if err := t.add(id); err != nil {
				return err
			}
		}
		return t.close()
	}
	buffer := bufio.NewWriter(k.out)
	w := jsonWriter{w: buffer, array: form == asJSON}
	for _, id := range ids {
		if err := w.write(clientRecord{id}); err != nil {
			return err
		}
	}
	if err := w.close(); err != nil {
		return err
	}
	return buffer.Flush()
}
