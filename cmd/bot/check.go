package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"giosgbot/playbook"
)

type checkCmd struct {
	Files []string `arg:"" name:"playbook" help:"YAML files. Beside shop.yaml, shop.txt holds conversations that it must pass."`
	Team  []string `help:"The name of a team of the organization, so that hand-overs to others are found out. May be repeated." placeholder:"NAME"`
}

// Run says everything that is wrong or suspicious in each file, and plays the conversations beside it.
func (c checkCmd) Run(e *env) error {
	failed := false
	for _, file := range c.Files {
		ok, err := c.check(e, file)
		if err != nil {
			fmt.Fprintln(e.out, err)
		}
		failed = failed || !ok
	}
	if failed {
		return errReported
	}
	return nil
}

func (c checkCmd) check(e *env, file string) (ok bool, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	p, err := playbook.Load(file, b)
	if err != nil {
		return false, err
	}
	ok = true
	hints := playbook.Check(p, playbook.Options{Teams: c.Team})
	for _, problem := range hints {
		fmt.Fprintln(e.out, problem.Error())
		ok = ok && problem.Severity != playbook.Error
	}
	played, failures, err := converse(file, p)
	if err != nil {
		return false, err
	}
	for _, f := range failures {
		fmt.Fprintln(e.out, f.String())
		ok = false
	}
	if !ok {
		return false, nil
	}
	fmt.Fprintf(e.out, "%s: ok%s%s\n", file, plural(len(hints), "hint"), plural(played, "conversation"))
	return true, nil
}

func plural(n int, what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", 1 " + what
	}
	return fmt.Sprintf(", %d %ss", n, what)
}

// converse plays the conversations that lie beside a playbook, if there are any.
func converse(file string, p *playbook.Playbook) (played int, failures []playbook.Failure, err error) {
	name := strings.TrimSuffix(file, filepath.Ext(file)) + ".txt"
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	t, err := playbook.ParseTranscript(name, b)
	if err != nil {
		return 0, nil, err
	}
	return len(t.Chats), p.RunTranscript(t), nil
}
