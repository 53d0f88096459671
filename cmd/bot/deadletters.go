package main

import (
	"fmt"
	"time"

	"giosgbot/admin"
	"giosgbot/config"
)

type deadlettersCmd struct {
	List  deadList  `cmd:"" default:"withargs" help:"List what is set aside, the oldest first (default)."`
	Show  deadShow  `cmd:"" help:"Show all that is known of an event."`
	Retry deadRetry `cmd:"" help:"Put events back into their lanes."`
	Drop  deadDrop  `cmd:"" help:"Forget events."`
}

// bots is the way to a running bot.
type bots struct {
	URL string `help:"The bot's admin address; by default what ADMIN_ADDR says, on this machine." placeholder:"http://127.0.0.1:9090"`
}

func (b bots) client(e *env) (admin.Client, error) {
	if b.URL != "" {
		return admin.Client{Base: b.URL}, nil
	}
	cfg, _ := config.Load(e.getenv) // other settings are no concern of this command
	base, err := admin.BaseURL(cfg.AdminAddr)
	return admin.Client{Base: base}, err
}

type deadList struct {
	bots
	Limit int `default:"200" help:"How many at most."`
}

// Run lists.
func (c deadList) Run(e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, total, err := client.List(e.ctx, c.Limit)
	if err != nil {
		return err
	}
	return admin.PrintList(e.out, list, total, time.Now())
}

type deadShow struct {
	bots
	ID string `arg:"" help:"As the list shows it."`
}

// Run shows one.
func (c deadShow) Run(e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	l, err := client.Show(e.ctx, c.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", c.ID, err)
	}
	return admin.PrintOne(e.out, l, time.Now())
}

type deadRetry struct {
	bots
	IDs []string `arg:"" name:"id" help:"As the list shows them."`
}

// Run puts back.
func (c deadRetry) Run(e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	for _, id := range c.IDs {
		if err := client.Retry(e.ctx, id); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if err := admin.PrintRetried(e.out, id); err != nil {
			return err
		}
	}
	return nil
}

type deadDrop struct {
	bots
	IDs []string `arg:"" name:"id" help:"As the list shows them."`
}

// Run forgets.
func (c deadDrop) Run(e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	for _, id := range c.IDs {
		if err := client.Drop(e.ctx, id); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if err := admin.PrintDropped(e.out, id); err != nil {
			return err
		}
	}
	return nil
}
