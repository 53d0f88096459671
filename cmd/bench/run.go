package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// bench is one run.
type bench struct {
	options
	stage
	crowd   *crowd
	redis   *redisServer // nil without redis-server
	running [subjects]*subject
	table   table
}

func run(ctx context.Context, o options) (err error) {
	b := &bench{options: o}
	if b.stage.self, err = os.Executable(); err != nil {
		return err
	}
	if b.stage.dir, err = os.MkdirTemp(o.dir, "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.stage.dir)
	b.stage.profile = o.profile
	say("building the bot")
	b.bot = filepath.Join(b.stage.dir, "bot")
	if err := build(ctx, b.bot); err != nil {
		return err
	}
	p, err := newPlatform()
	if err != nil {
		return err
	}
	defer p.close()
	b.api = p.url()
	b.crowd = &crowd{p: p, orgs: o.orgs, echo: o.echo}
	b.table.columns = []int{theFloor, embedded}
	if _, err := exec.LookPath("redis-server"); err != nil {
		say("NOT MEASURED with Redis: there is no redis-server on this machine; install it with: apt-get install redis-server (brew install redis)")
	} else {
		if b.redis, err = startRedis(ctx, b.stage.dir); err != nil {
			return err
		}
		defer b.redis.stop()
		b.table.columns = append(b.table.columns, withRedis)
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{{"start", b.starts}, {"load", b.load}, {"trips", b.trips}} {
		if slices.Contains(o.parts, part.name) {
			if err := part.do(ctx); err != nil {
				return errors.Join(err, p.err())
			}
		}
	}
	return b.report(p)
}

// report prints the table.
func (b *bench) report(p *platform) error {
	fmt.Printf("%s %s/%s, %d cores, %s. %d chats run at a time at full load, %d organizations.\n\n", time.Now().Format(time.DateOnly),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.options.running, b.orgs)
	if err := b.table.write(os.Stdout); err != nil {
		return err
	}
	if n := b.crowd.refused.Load(); n > 0 {
		fmt.Printf("\n%d webhooks were answered with 503 and sent again; the figures include that time.\n", n)
	}
	if n := p.stray.Load(); n > 0 {
		return fmt.Errorf("%d messages were sent that nobody waited for: duplicate answers", n)
	}
	return p.err()
}

// say reports progress on standard error; the table goes to standard output.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// prepare returns a subject that is not started yet.
func (b *bench) prepare(kind int, name string) (*subject, error) {
	url := ""
	if kind == withRedis {
		url = b.redis.url()
	}
	return b.stage.subject(kind, name, url)
}

func (b *bench) stop() error {
	var errs []error
	for i, s := range b.running {
		if s != nil {
			errs = append(errs, s.stop())
			b.running[i] = nil
		}
	}
	return errors.Join(errs...)
}

// starts measures the time from exec to ready with an empty store, and the size of the program.
func (b *bench) starts(ctx context.Context) error {
	say("starts")
	var took, size series
	for i := range 3*b.rounds + 1 {
		for _, kind := range b.table.columns {
			s, err := b.prepare(kind, fmt.Sprintf("start-%s-%d", subjectNames[kind], i))
			if err != nil {
				return err
			}
			d, err := s.start(ctx)
			if err != nil {
				return err
			}
			if err := s.stop(); err != nil {
				return err
			}
			if i > 0 { // the first start has a cold cache
				took.add(kind, ms(d))
			}
		}
	}
	for _, kind := range b.table.columns[1:] {
		size.add(kind, float64(fileSize(b.bot))/1e6)
	}
	b.table.title("Program")
	b.table.row("start, ms: exec to ready", took, nothing)
	b.table.row("size of the binary, MB", size, nothing)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
