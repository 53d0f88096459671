package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"giosgbot/admin"
	"giosgbot/config"
)

// deadletters are the commands that work on a running bot's dead letters.
type deadletters struct {
	*env
	url   string
	limit int
}

func deadlettersCommand(e *env) *cobra.Command {
	d := &deadletters{env: e}
	all := &cobra.Command{
		Use:   "deadletters [<command>]",
		Short: "Show, retry or drop the events that a running bot has given up.",
		Args:  noArguments,
		RunE:  d.list,
	}
	list := &cobra.Command{Use: "list", Short: "List the dead letters, oldest first (default).", Args: noArguments, RunE: d.list}
	for _, c := range []*cobra.Command{all, list} {
		c.Flags().IntVar(&d.limit, "limit", 200, "List at most this `number`.")
	}
	all.PersistentFlags().StringVar(&d.url, "url", "", "The bot's admin `address`. The default is ADMIN_ADDR on this machine.")
	all.AddCommand(list,
		&cobra.Command{Use: "show <id>", Short: "Show everything that is known about an event.", Args: exactlyOne, RunE: d.show},
		&cobra.Command{
			Use: "retry <id> ...", Short: "Put events back into their lanes.", Args: atLeastOne,
			RunE: d.each(admin.Client.Retry, admin.PrintRetried),
		},
		&cobra.Command{
			Use: "drop <id> ...", Short: "Delete events.", Args: atLeastOne,
			RunE: d.each(admin.Client.Drop, admin.PrintDropped),
		},
	)
	return all
}

// client returns a client of the bot that --url or ADMIN_ADDR names.
func (d *deadletters) client() (admin.Client, error) {
	if d.url != "" {
		return admin.Client{Base: d.url}, nil
	}
	cfg, _ := config.Load(d.getenv) // mistakes in other settings do not matter here
	base, err := admin.BaseURL(cfg.AdminAddr)
	return admin.Client{Base: base}, err
}

func (d *deadletters) list(cmd *cobra.Command, _ []string) error {
	client, err := d.client()
	if err != nil {
		return err
	}
	list, total, err := client.List(cmd.Context(), d.limit)
	if err != nil {
		return err
	}
	return admin.PrintList(d.out, list, total, time.Now())
}

func (d *deadletters) show(cmd *cobra.Command, args []string) error {
	client, err := d.client()
	if err != nil {
		return err
	}
	l, err := client.Show(cmd.Context(), args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return admin.PrintOne(d.out, l, time.Now())
}

// each returns a command that does something with every id, and stops at the first error.
func (d *deadletters) each(
	do func(admin.Client, context.Context, string) error, report func(io.Writer, string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, ids []string) error {
		client, err := d.client()
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := do(client, cmd.Context(), id); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			if err := report(d.out, id); err != nil {
				return err
			}
		}
		return nil
	}
}
