package app_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
