package app_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"giosgbot/giosg/giosgtest"
)

// replace replaces a file by renaming another, as editors do.
func replace(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func TestPlaybookChangesWhileRunning(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.yaml")
	replace(t, file, shop("agent"))
	env := stores[0].env(t)
	env["PLAYBOOK"] = file
	w := newWorld(t, env, polite())
	a := w.start("")
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "open?")
	w.awaitN(chat, 2)

	first := a.Playbook()
	replace(t, file, strings.Replace(shop("agent"), "Mon–Fri 9–17.", "Always.", 1))
	await(t, func() bool { return a.Playbook().Version != first.Version })
	w.say(chat, "open?")
	w.awaitN(chat, 3)

	second := a.Playbook()
	replace(t, file, "name: broken\nrulez: []\n")
	await(t, func() bool { return a.Playbook().Problem != "" })
	w.say(chat, "open?")
	w.awaitN(chat, 4)
	w.quiet()
	w.said(chat, greetingEN, "Mon–Fri 9–17.", "Always.", "Always.")
	if now := a.Playbook(); now.Version != second.Version || !strings.Contains(now.Problem, "rulez") {
		t.Errorf("active: %+v", now)
	}
	if !w.logged("level=ERROR", "rulez") {
		t.Error("the log does not say what is wrong with the playbook")
	}
	res, err := http.Get(a.URL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK || !strings.Contains(string(body), "rulez") {
		t.Errorf("ready: %s %s", res.Status, body)
	}
	replace(t, file, shop("agent"))
	await(t, func() bool { return a.Playbook().Problem == "" })
	w.clean()
}

// A bot takes a changed playbook although other files in the folder, such as its own DATA_FILE, change all the time.
func TestBusyBotTakesAChangedPlaybook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.yaml")
	replace(t, file, shop("agent"))
	w := newWorld(t, map[string]string{"DATA_FILE": filepath.Join(dir, "bot.db"), "PLAYBOOK": file}, polite())
	a := w.start("")
	w.hook(giosgtest.PendingChats, giosgtest.ChatMessages)
	chat := w.rooms["en"].OpenChat()
	w.say(chat, "open?")
	w.awaitN(chat, 2)
	want := []string{greetingEN, "Mon–Fri 9–17."}
	tick := time.NewTicker(2 * time.Millisecond) // so that the folder is never quiet
	defer tick.Stop()
	for change := range 5 {
		answer := "Always. " + strconv.Itoa(change)
		before := a.Playbook().Version
		replace(t, file, strings.Replace(shop("agent"), "Mon–Fri 9–17.", answer, 1))
		for n := 1; a.Playbook().Version == before; n++ {
			if n > 5000 {
				t.Fatal("the bot does not take the changed playbook while its folder changes")
			}
			if err := os.WriteFile(filepath.Join(dir, "neighbour"), []byte(strconv.Itoa(n)), 0o600); err != nil {
				t.Fatal(err)
			}
			<-tick.C
		}
		w.say(chat, "open?")
		w.await(chat, answer)
		want = append(want, answer)
	}
	w.quiet()
	w.said(chat, want...)
	w.clean()
}

// A mounted ConfigMap changes without an event of the playbook's own name: a link in its folder is replaced.
func TestPlaybookInAMountedFolderChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := func(version, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		replace(t, filepath.Join(dir, version, "shop.yaml"), text)
		if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	mount("..1", shop("agent"))
	file := filepath.Join(dir, "shop.yaml")
	if err := os.Symlink(filepath.Join("..data", "shop.yaml"), file); err != nil {
		t.Fatal(err)
	}
	env := stores[0].env(t)
	env["PLAYBOOK"] = file
	w := newWorld(t, env, polite())
	a := w.start("")
	first := a.Playbook().Version
	mount("..2", strings.Replace(shop("agent"), "Mon–Fri 9–17.", "Always.", 1))
	await(t, func() bool { return a.Playbook().Version != first })
	w.clean()
}
