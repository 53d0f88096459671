package playbook_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"giosgbot/playbook"
)

// says returns the greeting of a playbook with nothing else.
func says(t testing.TB, top, say string, in playbook.Input) []playbook.Say {
	t.Helper()
	p := load(t, "name: x\n"+top+"greeting:\n  say:\n    "+strings.ReplaceAll(strings.TrimSpace(say), "\n", "\n    ")+"\n")
	in.Kind = playbook.Joined
	var all []playbook.Say
	for _, a := range p.Next(playbook.State{}, in).Actions {
		all = append(all, a.(playbook.Say))
	}
	return all
}

func TestSay(t *testing.T) {
	t.Parallel()
	button := func(text, value string) playbook.Button {
		return playbook.Button{Text: text, Type: "button", Value: value, DisabledOnSelection: true}
	}
	for name, test := range map[string]struct {
		top, say string
		in       playbook.Input
		want     []playbook.Say
	}{
		"text":          {say: "Hello.", want: []playbook.Say{{Text: "Hello."}}},
		"number":        {say: "42", want: []playbook.Say{{Text: "42"}}},
		"several":       {say: "[One., Two.]", want: []playbook.Say{{Text: "One."}, {Text: "Two."}}},
		"block":         {say: "|\n  One\n  two\n", want: []playbook.Say{{Text: "One\ntwo"}}},
		"by language":   {top: "languages: [en, fi]\n", say: "{en: Hi, fi: Hei}", in: playbook.Input{Language: "fi"}, want: []playbook.Say{{Text: "Hei"}}},
		"any language":  {top: "languages: [en, fi, sv]\n", say: "{sv: Hej, any: Hi}", in: playbook.Input{Language: "fi"}, want: []playbook.Say{{Text: "Hi"}}},
		"lists by lang": {top: "languages: [en, fi]\n", say: "{en: [A, B], fi: [C]}", in: playbook.Input{Language: "fi"}, want: []playbook.Say{{Text: "C"}}},
		"list of by":    {top: "languages: [en, fi]\n", say: "[{en: A, fi: B}, {any: C}]", in: playbook.Input{Language: "fi"}, want: []playbook.Say{{Text: "B"}, {Text: "C"}}},
		"region":        {top: "languages: [en-GB, en-US, pt]\n", say: "{en-GB: GB, en-US: US, pt: PT}", in: playbook.Input{Language: "en_us"}, want: []playbook.Say{{Text: "US"}}},
		"other region":  {top: "languages: [pt, en-GB]\n", say: "{en-GB: GB, pt: PT}", in: playbook.Input{Language: "en-AU"}, want: []playbook.Say{{Text: "GB"}}},
		"short buttons": {say: "text: Hi\nbuttons: [Yes, No]", want: []playbook.Say{{Text: "Hi", Attachments: []playbook.Attachment{{Actions: []playbook.Button{button("Yes", "Yes"), button("No", "No")}}}}}},
		"named buttons": {top: "buttons: {yes: Yes please, no: {text: No, value: nope}}\n", say: "text: Hi\nbuttons: [yes, no]", want: []playbook.Say{{Text: "Hi", Attachments: []playbook.Attachment{{Actions: []playbook.Button{button("Yes please", "yes"), button("No", "nope")}}}}}},
		"one value":     {top: "languages: [en, fi]\n", say: "text: {any: Hi}\nbuttons: [{en: 'Yes', fi: Kyllä}]", in: playbook.Input{Language: "fi"}, want: []playbook.Say{{Text: "Hi", Attachments: []playbook.Attachment{{Actions: []playbook.Button{button("Kyllä", "Yes")}}}}}},
		"all of it": {say: `
text: Look
attachment_template: generic
attachments:
  - {title: T, title_link_url: "https://a.example", text: X, image_url: "https://b.example", image_link_url: "https://c.example", link_target: _blank,
     actions: [{text: B, type: link_button, value: "https://d.example", link_target: _parent, style: success, is_disabled_on_selection: false, is_disabled_on_visitor_message: true}]}`,
			want: []playbook.Say{{Text: "Look", Template: "generic", Attachments: []playbook.Attachment{{Title: "T", TitleLinkURL: "https://a.example", Text: "X",
				ImageURL: "https://b.example", ImageLinkURL: "https://c.example", LinkTarget: "_blank", Actions: []playbook.Button{{Text: "B", Type: "link_button",
					Value: "https://d.example", LinkTarget: "_parent", Style: "success", DisabledOnVisitorMessage: true}}}}}}},
		"variables": {top: "time_zone: Europe/Helsinki\n", say: `"{good_day} in {room} at {time}, {{room} {} { {x y}"`,
			in:   playbook.Input{RoomName: "Main", At: time.Date(2026, 7, 1, 17, 30, 0, 0, time.UTC)},
			want: []playbook.Say{{Text: "Good evening in Main at 20:30, {room} {} { {x y}"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := says(t, test.top, test.say, test.in); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestAttachmentsHaveThePlatformsNames(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(says(t, "", `
text: We would like to hear your feedback.
attachments: [{text: Was this helpful?, buttons: [{text: "Yes", value: "yes", style: success}]}]`, playbook.Input{})[0].Attachments)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"text":"Was this helpful?","actions":[{"text":"Yes","type":"button","value":"yes","style":"success","is_disabled_on_selection":true,"is_disabled_on_visitor_message":false}]}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestVariants(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i := range 300 {
		in := playbook.Input{ID: fmt.Sprintf("26534820-0aa1-11ee-9b63-%012d", i)}
		first := says(t, "", "one_of: [A, B, C]", in)[0].Text
		if again := says(t, "", "one_of: [A, B, C]", in)[0].Text; again != first {
			t.Fatalf("%s then %s", first, again)
		}
		seen[first]++
	}
	if len(seen) != 3 || seen["A"] < 60 || seen["B"] < 60 || seen["C"] < 60 {
		t.Errorf("picked %v", seen)
	}
}

func TestVisitorsWords(t *testing.T) {
	t.Parallel()
	p := load(t, "name: x\nfallback: {say: 'You said: {words}.'}\n")
	for text, want := range map[string]string{
		"  a\n b ":                "You said: a b.",
		"":                        "You said: .",
		"{room}":                  "You said: {room}.",
		strings.Repeat("ä", 1999): "You said: " + strings.Repeat("ä", 200) + "….",
	} {
		if got := texts(p.Next(playbook.State{}, playbook.Input{Kind: playbook.Said, Text: text}))[0]; got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	sentence := strings.Repeat("Sanoja on monta. ", 200) // 3400
	word := strings.Repeat("ä", 4500)
	words := strings.Repeat("yksi ", 900)
	for name, text := range map[string]string{"sentences": sentence, "no spaces": word, "words": words, "just fits": strings.Repeat("ö", 2000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := says(t, "", "text: "+text+"\nbuttons: [A]", playbook.Input{})
			var joined []string
			for i, s := range list {
				if n := utf8.RuneCountInString(s.Text); n == 0 || n > playbook.MaxText {
					t.Errorf("piece %d has %d characters", i, n)
				}
				if last := i == len(list)-1; (len(s.Attachments) > 0) != last {
					t.Errorf("piece %d of %d has %d attachments", i, len(list), len(s.Attachments))
				}
				joined = append(joined, s.Text)
			}
			sep := " "
			if name == "no spaces" {
				sep = ""
			}
			if got := strings.Join(joined, sep); got != strings.TrimSpace(text) {
				t.Errorf("the pieces make another text: %.100q", got)
			}
			if name == "sentences" && !strings.HasSuffix(list[0].Text, "monta.") {
				t.Errorf("cut inside a sentence: %q", list[0].Text[len(list[0].Text)-20:])
			}
			if name == "just fits" && len(list) != 1 {
				t.Errorf("%d pieces", len(list))
			}
		})
	}
}
