package main_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckPlaysTheConversationsBesideAPlaybook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml, txt := filepath.Join(dir, "shop.yaml"), filepath.Join(dir, "shop.txt")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(yaml, "name: shop\nrules:\n  - name: hours\n    when: {keywords: [hours]}\n    say: Mon–Fri 9–17.\nfallback:\n  say: Sorry?\n")
	write(txt, "chat: hours\nvisitor: your hours?\nbot: Mon–Fri 9–17.\n")
	if got := succeeds(t, nil, "check", yaml); !strings.Contains(got, "ok, 1 conversation") {
		t.Errorf("%s", got)
	}
	write(txt, "chat: hours\nvisitor: your times?\nbot: Mon–Fri 9–17.\n")
	p := run(t, nil, "check", yaml)
	if code := p.wait(20 * time.Second); code != 1 {
		t.Errorf("exit %d", code)
	}
	for _, s := range []string{txt + ":2:", "- bot: Mon–Fri 9–17.", "+ bot: Sorry?", "no keyword matches"} {
		if !strings.Contains(p.out.String(), s) {
			t.Errorf("it does not say %q:\n%s", s, p.out)
		}
	}
	write(txt, "chat: hours\nvistor: your hours?\n")
	p = run(t, nil, "check", yaml)
	if code := p.wait(20 * time.Second); code != 1 || !strings.Contains(p.out.String(), txt+":2:") {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
}

func TestCheckKnowsTheTeams(t *testing.T) {
	t.Parallel()
	yaml := file(t, "teams.yaml", "name: teams\nrules:\n  - name: human\n    when: {keywords: [human]}\n    do: {hand_over: {team: Suport, nobody: Sorry.}}\n")
	got := succeeds(t, nil, "check", "--team", "Support", "--team", "Sales", yaml)
	for _, s := range []string{"Suport", `did you mean "Support"?`, "ok, 1 hint"} {
		if !strings.Contains(got, s) {
			t.Errorf("it does not say %q:\n%s", s, got)
		}
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	yaml, err := filepath.Abs("../../playbooks/giosg-demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	talk := func(lines string, args ...string) string {
		t.Helper()
		p := runWith(t, nil, strings.NewReader(lines), append([]string{"try"}, args...)...)
		if code := p.wait(20 * time.Second); code != 0 {
			t.Fatalf("exit %d: %s", code, p.err)
		}
		return p.out.String()
	}
	got := talk("opening hours?\nblah\n/press no such button\n/nonsense\n/quit\n")
	for _, s := range []string{"bot: Hi! How can I help?", "bot: We are here Mon–Fri 9–17.", `because hours: the keyword "open`, "bot: Sorry, I did not get that.",
		`no button "no such button" was shown`, "/quit"} {
		if !strings.Contains(got, s) {
			t.Errorf("it does not say %q:\n%s", s, got)
		}
	}
	got = talk("/team customer service\n/press Haluan jutella ihmisen kanssa\n/human Hei\nkiitos\n", yaml, "--language", "fi", "--quiet")
	for _, s := range []string{"bot hands over to Customer Service", "bot: Miten pärjäsin?", "(silence)"} {
		if !strings.Contains(got, s) {
			t.Errorf("it does not say %q:\n%s", s, got)
		}
	}
	if strings.Contains(got, "because") {
		t.Errorf("it is not quiet:\n%s", got)
	}
	fails(t, 1, nil, []string{"try", yaml, "--mode", "sidekick"}, `does not work as "sidekick"`)
	fails(t, 1, nil, []string{"try", "missing.yaml"}, "missing.yaml")
}

// An event that giosg refuses becomes a dead letter, which can be shown, retried and dropped while the bot runs.
func TestDeadletters(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, env map[string]string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		env["ADMIN_ADDR"], env["GIVE_UP_AFTER"] = l.Addr().String(), "1s"
		l.Close()
		w := newWorld(t, env)
		chat := w.room.OpenChat()
		w.say(chat, "open?")
		w.awaitLine(chat, "Mon–Fri 9–17.")
		w.p.On("POST", "chats/*/messages").FailBefore(400)
		w.say(chat, "open?")
		w.say(chat, "open?")
		admin := map[string]string{"ADMIN_ADDR": env["ADMIN_ADDR"]}
		var list string
		for end := time.Now().Add(30 * time.Second); strings.Count(list, "400") < 2; {
			if list = succeeds(t, admin, "deadletters", "list"); time.Now().After(end) {
				t.Fatalf("there are no two dead letters:\n%s", list)
			}
		}
		w.p.ClearFaults()
		ids := deadIDs(t, "http://"+env["ADMIN_ADDR"])
		if got := succeeds(t, admin, "deadletters", "show", ids[0]); !strings.Contains(got, chat.ID) || !strings.Contains(got, "400") {
			t.Errorf("show: %s", got)
		}
		succeeds(t, admin, "deadletters", "retry", ids[0])
		succeeds(t, admin, "deadletters", "drop", ids[1])
		if err := w.p.Await(t.Context(), func() bool { return len(chat.Said("bot")) == 3 }); err != nil {
			t.Fatal(err)
		}
		if got := succeeds(t, admin, "deadletters"); !strings.Contains(got, "There are no dead letters.") {
			t.Errorf("afterwards: %s", got)
		}
		fails(t, 1, admin, []string{"deadletters", "retry", ids[0]}, "there is no dead letter with this id")
		fails(t, 1, map[string]string{"ADMIN_ADDR": ""}, []string{"deadletters"}, "ADMIN_ADDR is empty")
	})
}

func deadIDs(t *testing.T, base string) (ids []string) {
	t.Helper()
	res, err := http.Get(base + "/api/deadletters")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var list struct {
		DeadLetters []struct {
			ID string `json:"id"`
		} `json:"deadletters"`
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, d := range list.DeadLetters {
		ids = append(ids, d.ID)
	}
	if len(ids) != 2 {
		t.Fatalf("dead letters: %v", ids)
	}
	return ids
}
