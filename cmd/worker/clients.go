package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/config"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/veeam"
	"github.com/queueferry/queueferry/internal/remedy"
	"github.com/queueferry/queueferry/internal/setup"
)

// clientsCommand is what the commands about clients have in common.
type clientsCommand struct {
	terminal
	file       string
	connection string
}

func newClients(t terminal) *cobra.Command {
	k := &clientsCommand{terminal: t}
	c := &cobra.Command{
		Use:   "clients",
		Short: "List, create and delete the clients of a Veeam user",
		Long: "A client is an id and a secret with which a program logs in to Veeam Recovery Orchestrator in place of its\n" +
			"user (grant client_credentials). With a client of its own a worker has sessions that nobody else ends.\n" +
			"Servers up to 7.2.1 have clients.\n\n" +
			"These commands log in with the connection's first credential of grant password, or else with its first\n" +
			"client, and log out again. A worker with the same credential may have to log in anew.\n\n" +
			"Exit code 0 when it is done, 1 if it failed, 2 for wrong use or a configuration that is at fault.",
		Args: knownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&k.file, "config", "", "configuration `FILE` (default $QUEUEFERRY_CONFIG, then queueferry.yaml)")
	c.PersistentFlags().StringVar(&k.connection, "connection", "", "`NAME` of the connection in the configuration (required)")
	c.AddCommand(newClientsList(k), newClientsCreate(k), newClientsDelete(k))
	return c
}

// say tells the person, not the script.
func (k *clientsCommand) say(format string, args ...any) {
	fmt.Fprintf(k.err, format+"\n", args...)
}

// clientUser is a user who is logged in, and the clients of that user.
type clientUser struct {
	clients    *veeam.Clients
	connection config.Connection
}

// chosen is the connection that the flag names, with the one credential to use.
func (k *clientsCommand) chosen(c *cobra.Command) (*config.Config, config.Connection, error) {
	if k.connection == "" {
		return nil, config.Connection{}, wrongUse(c, "--connection is missing")
	}
	cfg, err := config.Load(config.DefaultPath(k.file, os.LookupEnv), os.LookupEnv)
	if err != nil {
		return nil, config.Connection{}, err
	}
	var names []string
	for _, s := range cfg.Connections {
		if s.Name == k.connection && s.Product != config.Veeam {
			return nil, s, wrongUse(c, "connection %s is one to %s; only %s has clients", s.Name, s.Product, config.Veeam)
		}
		if s.Name == k.connection {
			s.Credentials, err = userOf(cfg, s)
			return cfg, s, err
		}
		names = append(names, s.Name)
	}
	return nil, config.Connection{}, wrongUse(c, "the configuration has no connection of that name; it has %s", strings.Join(names, ", "))
}

// userOf is the first credential that is a user's, for clients may do less, or
// else the first client's. A refresh token is left to the worker: a log-in here
// would use it up.
func userOf(cfg *config.Config, s config.Connection) ([]config.Credential, error) {
	for _, grant := range []config.Grant{config.Password, config.ClientCredentials} {
		for _, c := range s.Credentials {
			if c.Grant == grant {
				return []config.Credential{c}, nil
			}
		}
	}
	problem := cfg.Problem("connections."+s.Name+".credentials", "are refresh tokens only, and a log-in by this command would use one up; add the user's, with grant password")
	return nil, &config.Error{Problems: []config.Problem{problem}}
}

// with logs in, works, and logs out. A terminal that is closed interrupts it like
// Ctrl-C, and does not end it.
func (k *clientsCommand) with(ctx context.Context, cfg *config.Config, s config.Connection, work func(context.Context, clientUser) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer onHangUp(cancel)()
	target, err := setup.NewTarget(cfg, s, setup.Observers{})
	if err != nil {
		return err
	}
	defer target.Transport.CloseIdleConnections()
	err = loggedIn(ctx, target.Pool, s.Timeout)
	if err == nil {
		err = work(ctx, clientUser{&veeam.Clients{Client: target.Client, APIVersion: s.APIVersion}, s})
	}
	k.logOut(ctx, target.Pool)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return errInterrupted
	}
	return explained(s, err)
}

// loggedIn waits for a token, so that what follows has one.
func loggedIn(ctx context.Context, pool *authpool.Pool, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	lease, err := pool.Lease(ctx)
	if err != nil {
		return err
	}
	lease.Release()
	return nil
}

// logOutLimit is how long the end of a session is waited for.
const logOutLimit = 5 * time.Second

func (k *clientsCommand) logOut(ctx context.Context, pool *authpool.Pool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logOutLimit)
	defer cancel()
	if err := pool.Close(ctx); err != nil {
		k.say("The session was not ended, and ends by itself: %s.", strings.TrimPrefix(err.Error(), "authpool: "))
	}
}

// explained is an error in words for an operator, and what to do about it.
func explained(s config.Connection, err error) error {
	at := "connection " + s.Name
	if errors.Is(err, veeam.ErrNoClients) {
		return fmt.Errorf("%s: the server has no clients in version %s of its API: Veeam Recovery Orchestrator has them up to 7.2.1.\n"+
			"Log in with grant password to a later one; for an earlier one correct api_version", at, s.APIVersion)
	}
	if errors.Is(err, veeam.ErrNoClient) {
		return fmt.Errorf("%s: there is no client of that id, or it is another user's.\nSee worker clients list", at)
	}
	if denied, ok := errors.AsType[*authpool.Error](err); ok {
		only := *denied
		only.Credential = "" // there is one
		todo := remedy.OfLogIn(only.Reason, only.Code)
		if only.Reason == job.TokenRefused {
			todo = remedy.OfClients(only.Reason)
		}
		return fmt.Errorf("%s: %s.\n%s", at, strings.TrimPrefix(only.Error(), "authpool: "), todo)
	}
	if call, ok := errors.AsType[*veeam.CallError](err); ok {
		return fmt.Errorf("%s: %s.\n%s", at, call.Result.Detail, remedy.OfClients(call.Result.Reason))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no token within %v.\n%s", at, s.Timeout, remedy.OfHold(job.IdentityUnavailable))
	}
	return fmt.Errorf("%s: %w", at, err)
}
