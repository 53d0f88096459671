// Command sandbox runs the bot with a stand-in for giosg on this machine, and serves a page to chat with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"giosgbot/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8000", "the loopback `address` of the page; if the port is taken, one of the next is used")
	file := flags.String("playbook", "", "the `file` of the first playbook, instead of a built-in example")
	verbose := flags.Bool("v", false, "print the bot's log")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	log := slog.New(slog.DiscardHandler)
	if *verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	listener, err := listen(*addr)
	if err != nil {
		return err
	}
	box, err := sandbox.New(sandbox.Options{Playbook: *file, Log: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: box.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	welcome(listener.Addr().String())
	select {
	case err = <-ended:
	case <-ctx.Done():
		fmt.Println("\nStopping.")
	}
	err = errors.Join(ignore(err, http.ErrServerClosed), box.Close()) // before Shutdown, because it ends the streams of the pages
	soon, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if server.Shutdown(soon) != nil {
		_ = server.Close() // a page keeps its connection open
	}
	return err
}

func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// listen listens on the address, or on one of the next ports if that one is taken.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("-addr: %q is not a loopback address; the sandbox has no password, so only this machine may use it", host)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("-addr: %q is not a port number", port)
	}
	for n := first; ; n++ {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.FormatUint(n, 10)))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || n >= first+20 {
			return l, err
		}
	}
}

func welcome(address string) {
	fmt.Printf(`
  The sandbox is open:  http://%s

  1. Write "opening hours?" in the visitor's window, and see the answer and why it was given.
  2. Press "A human please", then take over as an operator.
  3. Switch on "Duplicates" or "API down" and write again: there is still one answer.
  4. Kill the bot, write, and start it again: nothing is lost.
  5. Change the playbook in the page: it is checked while you type, and takes effect at once.

  Ctrl-C stops the sandbox. It keeps no data.

`, address)
}
