package playbook

import (
	"fmt"
	"slices"
	"strings"
)

// diff returns the difference between what the transcript expects after the line now and what the bot did, or "" if there is none.
func diff(now transcriptLine, want []transcriptLine, turn Turn) string {
	var expected [][]string
	for _, w := range want {
		if w.verb == "silence" {
			continue
		}
		text := w.verb
		if w.text != "" {
			text += " " + w.text
		}
		expected = append(expected, append([]string{text}, w.more...))
	}
	var did [][]string
	for _, l := range turn.Lines {
		if l[0] == ' ' {
			did[len(did)-1] = append(did[len(did)-1], strings.TrimSpace(l))
			continue
		}
		did = append(did, []string{l})
	}
	pairs := align(expected, did)
	if !slices.ContainsFunc(pairs, func(p [2][]string) bool { return p[0] == nil || p[1] == nil }) {
		return ""
	}
	var b strings.Builder
	if now.verb == "" {
		b.WriteString("    (the chat begins)\n")
	} else {
		show(&b, "    ", append([]string{now.verb + " " + now.text}, now.more...))
	}
	for _, p := range pairs {
		switch {
		case p[1] == nil:
			show(&b, "  - ", p[0])
		case p[0] == nil:
			show(&b, "  + ", p[1])
		default:
			show(&b, "    ", p[1])
		}
	}
	if len(did) == 0 {
		b.WriteString("  + silence\n")
	}
	b.WriteString(reasons(turn))
	return strings.TrimRight(b.String(), "\n")
}

func show(b *strings.Builder, margin string, lines []string) {
	for i, l := range lines {
		if i > 0 {
			l = "  " + l
		}
		fmt.Fprintf(b, "%s%s\n", margin, l)
	}
}

// reasons returns a few lines about why the bot did what it did.
func reasons(turn Turn) string {
	var b strings.Builder
	for _, plan := range turn.Plans {
		n := 0
		for _, r := range plan.Why {
			switch {
			case r.Rule == "":
				fmt.Fprintf(&b, "  %s\n", r.Text)
			case r.Matched:
				fmt.Fprintf(&b, "  because of %s: %s\n", r.Rule, r.Text)
			default:
				if n++; n <= 5 {
					fmt.Fprintf(&b, "  not %s: %s\n", r.Rule, r.Text)
				}
			}
		}
		if n > 5 {
			fmt.Fprintf(&b, "  and %d more rules did not match\n", n-5)
		}
	}
	return b.String()
}

// align pairs what was expected with what was done, in order. What has no counterpart is paired with nil.
func align(want, did [][]string) [][2][]string {
	// best is the table of the longest common subsequence, filled from the end.
	n, m := len(want), len(did)
	best := make([][]int, n+1)
	for i := range best {
		best[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if agree(want[i], did[j]) {
				best[i][j] = max(best[i][j], best[i+1][j+1]+1)
			}
		}
	}
	var pairs [][2][]string
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && best[i][j] == best[i+1][j+1]+1 && agree(want[i], did[j]):
			pairs = append(pairs, [2][]string{want[i], did[j]})
			i, j = i+1, j+1
		case j == m || i < n && best[i+1][j] >= best[i][j+1]:
			pairs = append(pairs, [2][]string{want[i], nil})
			i++
		default:
			pairs = append(pairs, [2][]string{nil, did[j]})
			j++
		}
	}
	return pairs
}

// agree reports whether one expected message or action is equal to a real one. It does not compare buttons, addresses of links and
// attachments that the expected one leaves out.
func agree(want, did []string) bool {
	text := func(lines []string) string {
		all := []string{lines[0]}
		for _, l := range lines[1:] {
			if l[0] != '[' && l[0] != '|' {
				all = append(all, l)
			}
		}
		return strings.Join(strings.Fields(strings.Join(all, " ")), " ")
	}
	part := func(lines []string, mark byte) string {
		var all []string
		for _, l := range lines[1:] {
			if l[0] == mark {
				all = append(all, strings.TrimSpace(l))
			}
		}
		return strings.Join(all, " ")
	}
	if text(want) != text(did) {
		return false
	}
	if w := part(want, '['); w != "" && w != part(did, '[') && w != withoutLinks(part(did, '[')) {
		return false
	}
	w := part(want, '|')
	return w == "" || w == part(did, '|')
}

// withoutLinks removes the addresses from a row of buttons.
func withoutLinks(row string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(row, "](")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString("]")
		_, row, _ = strings.Cut(after, ")")
	}
}
