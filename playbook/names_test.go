package playbook_test

import (
	"slices"
	"testing"

	"giosgbot/playbook"
)

// TestRules checks that Rules lists the rules of the whole file for each variant.
func TestRules(t *testing.T) {
	t.Parallel()
	p, err := playbook.Load("shop.yaml", []byte(`
name: shop
rules:
  - name: hours
    when: {keywords: [open]}
    say: Always.
fallback:
  say: Hm.
overrides:
  - organization: 11111111-1111-1111-1111-111111111111
    rules:
      - name: price
        when: {keywords: [price]}
        say: Cheap.
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*playbook.Playbook{p, p.For("11111111-1111-1111-1111-111111111111", "")} {
		if got := p.Rules(); !slices.Equal(got, []string{"hours", "price"}) {
			t.Errorf("got %q", got)
		}
	}
}

// TestTeams checks that Teams lists the teams of the whole file for each variant.
func TestTeams(t *testing.T) {
	t.Parallel()
	p := load(t, `
name: shop
languages: [en, fi]
rules:
  - name: human
    when: {keywords: {any: [human]}}
    do: {hand_over: {team: {en: Support, fi: Tuki}, nobody: {do: {hand_over: {team: Night, nobody: {any: Sorry.}}}}}}
overrides:
  - organization: a
    fallback: {do: {hand_over: Sales}}
`)
	for _, p := range []*playbook.Playbook{p, p.For("a", "")} {
		if got := p.Teams(); !slices.Equal(got, []string{"Night", "Sales", "Support", "Tuki"}) {
			t.Errorf("got %q", got)
		}
	}
	if got := load(t, shop).Teams(); len(got) > 0 {
		t.Errorf("without hand-overs: got %q", got)
	}
}
