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
