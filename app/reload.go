package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"giosgbot/playbook"
)

// book is the active playbook, and what is wrong with its file if that is newer.
type book struct {
	file string

	mu      sync.Mutex
	current *playbook.Playbook // guarded by mu, as what follows
	rules   []string           // of current
	version string             // of the file's text, short
	since   time.Time
	text    []byte
	problem error // of the file as it is now; current is an older one
}

// Book describes the active playbook.
type Book struct {
	Name    string
	Rules   []string
	Version string // changes with the file's text
	Since   time.Time
	Problem string // why the file is not active as it is now; empty if it is
}

// openBook loads a file, or the built-in example if the name is empty.
func openBook(file string) (*book, error) {
	b := &book{file: file}
	text := playbook.Example()
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("PLAYBOOK: %w", err)
		}
	}
	return b, b.load(text)
}

// CheckPlaybook tells what is wrong with the file that PLAYBOOK names, as [New] would.
func CheckPlaybook(file string) error {
	_, err := openBook(file)
	return err
}

func (b *book) load(text []byte) error {
	name := b.file
	if name == "" {
		name = "the built-in example"
	}
	p, err := playbook.Load(name, text)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text, b.problem = text, err
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b.current, b.rules, b.version, b.since = p, p.Rules(), hex.EncodeToString(sum[:4]), time.Now()
	return nil
}

func (b *book) get() *playbook.Playbook {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.current
}

func (b *book) set(p *playbook.Playbook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current, b.rules, b.since, b.problem = p, p.Rules(), time.Now(), nil
}

func (b *book) state() Book {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Book{Name: b.current.Name(), Rules: b.rules, Version: b.version, Since: b.since}
	if b.problem != nil {
		s.Problem = b.problem.Error()
	}
	return s
}

// SetPlaybook makes another playbook the active one, for turns that begin from now on.
func (a *App) SetPlaybook(p *playbook.Playbook) { a.book.set(p) }

// watch makes changes of the playbook's file active until ctx ends. A file with a mistake changes nothing but the log.
func (a *App) watch(ctx context.Context) error {
	if a.book.file == "" {
		return nil
	}
	w, err := fsnotify.NewWatcher()
	if err == nil {
		defer w.Close()
		// The directory: editors and config maps replace the file, and a watch on the file itself would end with the old one.
		err = w.Add(filepath.Dir(a.book.file))
	}
	if err != nil {
		a.log.Warn("changes of the playbook will need a restart: its directory cannot be watched", "err", err)
		return nil
	}
	const settle = 100 * time.Millisecond // a file is written in several steps
	timer := time.NewTimer(settle)        // and it may have changed since it was read
	defer timer.Stop()
	poll := time.NewTicker(time.Minute) // some file systems tell of no changes
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev := <-w.Events:
			if concerns(ev.Name, a.book.file) {
				timer.Reset(settle)
			}
		case <-poll.C:
			a.reload()
		case err := <-w.Errors:
			a.log.Warn("watching the playbook", "err", err)
		case <-timer.C:
			a.reload()
		}
	}
}

// concerns reports whether a change of a name in the file's directory may change the file. A mounted ConfigMap exchanges the link ..data. Other
// files, such as the data file, may change all the time.
func concerns(name, file string) bool {
	base := filepath.Base(name)
	return base == filepath.Base(file) || base == "..data"
}

func (a *App) reload() {
	b := a.book
	text, err := os.ReadFile(b.file)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) { // between the old file and the new one there may be none
			a.log.Error("the playbook cannot be read; the previous one stays active", "err", err)
		}
		return
	}
	b.mu.Lock()
	same := bytes.Equal(text, b.text)
	b.mu.Unlock()
	if same {
		return
	}
	if err := b.load(text); err != nil {
		a.log.Error("the playbook is not right; the previous one stays active", "file", b.file, "err", err)
		return
	}
	s := b.state()
	a.log.Info("playbook changed", "playbook", s.Name, "version", s.Version)
}
