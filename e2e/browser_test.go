// Package e2e tests the sandbox and the status page in a real browser. It has tests only. They need Chromium (CHROME may name another
// program), and those that check accessibility need npm, which downloads axe-core. Without them the tests are skipped, or fail if CI is
// set. Screenshots go to the folder that ARTIFACTS names, or to artifacts/ in the repository.
//
// The tests wait for events, never for time to pass, and retry nothing. A request of a page to another host and any message on the
// browser's console fail the test.
package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long anything may take on a busy machine.
const patience = 60 * time.Second

// browser is a process that all tests share. Each page has its own profile.
var browser struct {
	once sync.Once
	ctx  context.Context
	err  error
	end  []func()
}

// seats limits how many pages are open at once, so that each gets enough of the processor.
var seats = make(chan struct{}, 3)

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(browser.end) - 1; i >= 0; i-- {
		browser.end[i]()
	}
	os.Exit(code)
}

// missing skips a test, or fails it if CI is set.
func missing(t *testing.T, what, remedy string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s. %s", what, remedy)
	}
	t.Skipf("NOT TESTED: %s. %s", what, remedy)
}

// findChromium returns the path of a browser, or an empty string.
func findChromium() string {
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}
	if own := os.Getenv("CHROME"); own != "" {
		names = []string{own}
	} else if runtime.GOOS == "darwin" {
		names = append(names, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium")
	}
	for _, name := range names {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	return ""
}

func startBrowser(file string) (context.Context, error) {
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(file),
		chromedp.DisableGPU,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("lang", "en-GB"),
		// Keeps the browser from calling other hosts by itself.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	if os.Getuid() == 0 || os.Getenv("CI") != "" { // its sandbox does not work as root and in containers, and it only opens our own pages
		flags = append(flags, chromedp.NoSandbox)
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, end := chromedp.NewContext(allocator)
	browser.end = append(browser.end, endAllocator, end)
	return ctx, chromedp.Do(ctx)
}

// form is a kind of screen.
type form struct {
	name          string
	width, height int64
	phone         bool
	dark          bool
}

var (
	desktop      = form{name: "desktop-light", width: 1440, height: 900}
	desktopNight = form{name: "desktop-dark", width: 1440, height: 900, dark: true}
	phone        = form{name: "phone-light", width: 390, height: 844, phone: true}
	phoneNight   = form{name: "phone-dark", width: 390, height: 844, phone: true, dark: true}
)

// page is a tab of the browser.
type page struct {
	t    *testing.T
	ctx  context.Context
	host string // of the server under test

	mu         sync.Mutex
	complaints []string
}

// visit opens a page. The test fails if the page has complaints at its end.
func visit(t *testing.T, address string, f form) *page {
	t.Helper()
	file := findChromium()
	if file == "" {
		missing(t, "Chromium is not installed", "On Debian: apt-get install -y chromium. Elsewhere set CHROME to the program of a Chromium or a Chrome")
	}
	browser.once.Do(func() { browser.ctx, browser.err = startBrowser(file) })
	if browser.err != nil {
		t.Fatalf("%s does not start: %v", file, browser.err)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	seats <- struct{}{}
	ctx, end := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext())
	p := &page{t: t, ctx: ctx, host: at.Host}
	t.Cleanup(func() {
		if t.Failed() {
			p.shoot("failed-" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()))
		}
		p.clean()
		end()
		<-seats
	})
	p.must(chromedp.Listen(ctx, p.hear))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: map[bool]string{false: "light", true: "dark"}[f.dark]},
	}}
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
	p.must(err)
	_, err = chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	p.must(err)
	size := []chromedp.EmulateViewportOption{}
	if f.phone {
		size = append(size, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2))
	}
	p.must(chromedp.Do(ctx, chromedp.EmulateViewport(f.width, f.height, size...), chromedp.Navigate(address)))
	return p
}

// hear receives the events of the tab.
func (p *page) hear(ev any) {
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if at, err := url.Parse(ev.Request.URL); err != nil || at.Host != p.host || at.Scheme != "http" {
			p.complain("the page sends a request to another host: %s %.200s", ev.Request.Method, ev.Request.URL)
		}
	case *cdpruntime.EventConsoleAPICalled:
		var words []string
		for _, a := range ev.Args {
			words = append(words, cmp.Or(a.Description, string(a.Value)))
		}
		p.complain("message on the console: %s %s", ev.Type, strings.Join(words, " "))
	case *cdpruntime.EventExceptionThrown:
		d := ev.ExceptionDetails
		text := d.Text
		if d.Exception != nil {
			text += " " + d.Exception.Description
		}
		p.complain("a script fails: %s (%s:%d)", text, d.URL, d.LineNumber+1)
	case *log.EventEntryAdded: // among them violations of the Content-Security-Policy
		p.complain("message of the browser: %s %s: %s %s", ev.Entry.Level, ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
	}
}

func (p *page) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, fmt.Sprintf(format, args...))
}

// clean fails the test if the page has complaints.
func (p *page) clean() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.complaints {
		p.t.Error(c)
	}
	p.complaints = nil
}

func (p *page) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// shoot takes a screenshot.
func (p *page) shoot(name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Errorf("no screenshot of %s: %v", name, err)
		return
	}
	keep(p.t, name+".png", b)
}

// keep writes a file to the artifacts.
func keep(t *testing.T, name string, b []byte) {
	t.Helper()
	dir := cmp.Or(os.Getenv("ARTIFACTS"), filepath.Join("..", "artifacts"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Error(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		t.Error(err)
	}
}
