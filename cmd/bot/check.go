package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"giosgbot/playbook"
)

func checkCommand(e *env) *cobra.Command {
	var teams []string
	c := &cobra.Command{
		Use:   "check <playbook> ...",
		Short: "Check playbooks and their conversations.",
		Long: `<playbook> is a YAML file. If there is a shop.txt beside shop.yaml, the playbook
must pass the conversations in it.`,
		Args: atLeastOne,
		RunE: func(_ *cobra.Command, files []string) error { return checkAll(e.out, files, teams) },
	}
	c.Flags().StringSliceVar(&teams, "team", nil,
		"The `name` of a team of the organization, so that hand-overs to other teams are reported. May be repeated.")
	return c
}

// checkAll checks every file, also when an earlier one has mistakes.
func checkAll(out io.Writer, files, teams []string) error {
	failed := false
	for _, file := range files {
		ok, err := check(out, file, teams)
		if err != nil {
			fmt.Fprintln(out, err)
		}
		failed = failed || !ok
	}
	if failed {
		return errReported
	}
	return nil
}

// check prints the mistakes and hints for one playbook, and runs its conversations. It reports whether there are no mistakes.
func check(out io.Writer, file string, teams []string) (ok bool, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	p, err := playbook.Load(file, b)
	if err != nil {
		return false, err
	}
	ok = true
	hints := playbook.Check(p, playbook.Options{Teams: teams})
	for _, problem := range hints {
		fmt.Fprintln(out, problem.Error())
		ok = ok && problem.Severity != playbook.Error
	}
	played, failures, err := converse(file, p)
	if err != nil {
		return false, err
	}
	for _, f := range failures {
		fmt.Fprintln(out, f.String())
		ok = false
	}
	if ok {
		fmt.Fprintf(out, "%s: ok%s%s\n", file, plural(len(hints), "hint"), plural(played, "conversation"))
	}
	return ok, nil
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

// converse runs the conversations in the text file beside a playbook, if there is one.
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
