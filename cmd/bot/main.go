// Command bot is the giosg bot worker: `bot` or `bot serve` runs it, `bot check` looks at playbooks.
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
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the command line.
type commands struct {
	Serve       serveCmd       `cmd:"" default:"withargs" help:"Take webhooks and answer chats (default)."`
	Check       checkCmd       `cmd:"" help:"Check playbooks and their transcripts."`
	Try         tryCmd         `cmd:"" help:"Chat with a playbook in the terminal, and see why it says what it says."`
	Deadletters deadlettersCmd `cmd:"" help:"Look at events that a running bot has set aside, and put them back or forget them."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running bot whether it is ready; exit 0 if so."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// env is what a command has around it.
type env struct {
	ctx    context.Context
	getenv func(string) (string, bool)
	out    io.Writer
	log    *slog.Logger
}

// errReported ends a command that has said already what is wrong.
var errReported = errors.New("reported")

func run(ctx context.Context, args []string, getenv func(string) (string, bool), out, errout io.Writer) (code int) {
	var c commands
	exit := -1
	p, err := kong.New(&c,
		kong.Name("bot"),
		kong.Description("A worker for bot apps of the giosg live-chat platform.\n\n"+settingsHelp()),
		kong.Writers(out, errout),
		kong.Exit(func(n int) { exit = n; panic(exiting{}) }),
		kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(errout, "bot:", err)
		return 2
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exiting); !ok {
				panic(r)
			}
			code = exit
		}
	}()
	cmd, err := p.Parse(args)
	if err != nil {
		fmt.Fprintln(errout, "bot:", misused(p.Model, args, err))
		return 2
	}
	err = cmd.Run(&env{ctx, getenv, out, newLogger(errout, getenv)})
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errReported):
		fmt.Fprintln(errout, "bot:", err)
	}
	return 1
}

// misused says what is wrong with the command line, and where help is.
func misused(m *kong.Application, args []string, err error) string {
	var names []string
	for _, c := range m.Children {
		if len(args) > 0 && args[0] == c.Name {
			return fmt.Sprintf("%v\nTry: bot %s --help", err, c.Name)
		}
		names = append(names, c.Name)
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return fmt.Sprintf("there is no command %q; there are: %s\nTry: bot --help", args[0], strings.Join(names, ", "))
	}
	return fmt.Sprintf("%v\nTry: bot --help", err)
}

// exiting carries kong's wish to exit, after --help, up to run.
type exiting struct{}

// version is set by the linker; without, it is what the go command knows.
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

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.out, "giosg-bot", versionText())
	return err
}
