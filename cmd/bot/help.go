package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"giosgbot/config"
)

// misuse is a mistake in the command line of a command.
type misuse struct {
	cmd  *cobra.Command
	text string
}

func (m *misuse) Error() string { return m.text }

// wrongFlag reports a flag that cannot be parsed. If the word before it is not a command, that is the mistake.
func wrongFlag(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); cmd.HasSubCommands() && len(words) > 0 {
		return noArguments(cmd, words)
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok && e.GetSpecifiedShortnames() == "" {
		return &misuse{cmd, "unknown flag --" + e.GetSpecifiedName()}
	}
	return &misuse{cmd, err.Error()}
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return &misuse{cmd, "unexpected argument " + args[0]}
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return &misuse{cmd, fmt.Sprintf("there is no command %q; there are: %s", args[0], strings.Join(names, ", "))}
}

// atMostOne refuses a second argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return &misuse{cmd, "unexpected argument " + args[1]}
	}
	return nil
}

// exactlyOne requires one argument.
func exactlyOne(cmd *cobra.Command, args []string) error {
	if err := atLeastOne(cmd, args); err != nil {
		return err
	}
	return atMostOne(cmd, args)
}

// atLeastOne requires arguments.
func atLeastOne(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	_, what, _ := strings.Cut(cmd.Use, " ")
	return &misuse{cmd, "expected " + what}
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [<command>]",
		Short: "Show the help of the bot or of a command.",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return &misuse{cmd, err.Error()}
			}
			if err := noArguments(about, rest); err != nil {
				return err
			}
			about.InitDefaultHelpFlag() // also adds the flags of the commands above it
			return about.Help()
		},
	}
}

const helpWidth = 80

// showHelp writes what a command does, its commands and its flags.
func showHelp(cmd *cobra.Command) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "Usage: %s\n\n%s\n", cmd.UseLine(), cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(cmd.Long))
	}
	if cmd.HasSubCommands() {
		fmt.Fprint(w, "\nCommands:\n")
		for _, c := range cmd.Commands() {
			fmt.Fprintf(w, "  %s\n      %s\n", strings.TrimPrefix(c.UseLine(), cmd.CommandPath()+" "), c.Short)
		}
		fmt.Fprintf(w, "\n\"%s <command> --help\" shows the help of a command.\n", cmd.CommandPath())
	}
	fmt.Fprintf(w, "\nFlags:\n%s", cmd.Flags().FlagUsagesWrapped(helpWidth))
}

// settingsHelp describes the environment variables.
func settingsHelp() string {
	var b strings.Builder
	b.WriteString("Settings, from the environment:\n")
	for _, s := range config.Settings() {
		fmt.Fprintf(&b, "\n%s", s.Name)
		if s.Default != "" {
			fmt.Fprintf(&b, " (default %s)", s.Default)
		}
		fmt.Fprintf(&b, "\n  %s\n", s.Doc)
		if s.Secret {
			fmt.Fprintf(&b, "  %s_FILE may name a file that holds it instead.\n", s.Name)
		}
	}
	return b.String()
}
