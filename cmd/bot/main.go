// Command bot is a worker for bot apps of the giosg live-chat platform. "bot help" lists its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// env is what the commands use of the process around them.
type env struct {
	getenv func(string) (string, bool)
	out    io.Writer
	log    *slog.Logger
}

// errReported ends a command that has already printed what is wrong.
var errReported = errors.New("reported")

// run carries out a command line and returns the exit code: 0, 1 if the command failed, 2 if the command line is wrong.
func run(ctx context.Context, args []string, getenv func(string) (string, bool), out, errout io.Writer) int {
	root := rootCommand(&env{getenv, out, newLogger(errout, getenv)})
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errout)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if m, ok := errors.AsType[*misuse](err); ok {
		fmt.Fprintf(errout, "bot: %v\nTry: %s --help\n", m, m.cmd.CommandPath())
		return 2
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(errout, "bot:", err)
	}
	return 1
}

// rootCommand returns the command line. Without the name of a command, bot serves.
func rootCommand(e *env) *cobra.Command {
	serve := serveCommand(e)
	root := &cobra.Command{
		Use:               "bot [<command>]",
		Short:             "A worker for bot apps of the giosg live-chat platform.",
		Args:              noArguments,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	// The help and the version are printed without cobra's templates: text/template keeps the linker from removing unused methods,
	// 10 MB of them.
	showVersion := root.Flags().Bool("version", false, "Print the version.")
	root.PersistentFlags().BoolP("help", "h", false, "Show this help.")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *showVersion {
			return printVersion(e)
		}
		return serve.RunE(cmd, args)
	}
	root.SetFlagErrorFunc(wrongFlag)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		showHelp(cmd)
		if cmd == root || cmd == serve {
			fmt.Fprintf(cmd.OutOrStdout(), "\n%s", settingsHelp())
		}
	})
	root.SetHelpCommand(helpCommand())
	cobra.EnableCommandSorting = false
	root.AddCommand(serve, checkCommand(e), tryCommand(e), deadlettersCommand(e), healthcheckCommand(e), versionCommand(e))
	return root
}

// version is set by the linker. If it is empty, versionText asks the go command's build information.
var version = ""

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			return info.Main.Version
		}
	}
	return "dev"
}

func versionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version.",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return printVersion(e) },
	}
}

func printVersion(e *env) error {
	_, err := fmt.Fprintln(e.out, "giosg-bot", versionText())
	return err
}
