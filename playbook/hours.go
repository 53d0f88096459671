package playbook

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// openingHours reads named opening hours into all. They replace those with the same names.
func (c *compiler) openingHours(all map[string]*hours, m named[list[word]]) {
	for _, e := range m.items {
		c.goodName(e.name, "opening hours")
		h := &hours{at: e.name.at}
		for _, line := range e.value.items {
			if line.s != "" {
				h.line(c.src, line)
			}
		}
		all[e.name.s] = h
	}
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// line reads a line like "mon-fri 9-17", "sat,sun 10:30-14, 16-18", "2026-12-24 closed" or "12-24..12-26 closed".
func (h *hours) line(s *source, w word) {
	days, times, ok := strings.Cut(strings.ToLower(w.s), " ")
	if !ok {
		s.fault(w.at, "", nil, "%q is not a line of opening hours; write days and times, for example mon-fri 9-17 or 2026-12-24 closed", w.s)
		return
	}
	spans, bad := readSpans(times)
	if bad != "" {
		s.fault(w.at, "", nil, "%q is not a time range; write one like 9-17, 9:30-16 or 22-02, or write closed", bad)
		return
	}
	if days != "" && days[0] >= '0' && days[0] <= '9' {
		h.dateLine(s, w, days, spans)
		return
	}
	if days == "daily" {
		days = "mon-sun"
	}
	for _, part := range strings.Split(days, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a := dayOf(from)
		b := a
		if isRange {
			b = dayOf(to)
		}
		if a < 0 || b < 0 {
			wrong := from
			if a >= 0 {
				wrong = to
			}
			s.fault(w.at, wrong, append(slices.Clone(dayNames[1:]), "sun", "daily", "2026-12-24"), "%q is not a day", wrong)
			return
		}
		for d := a; ; d = (d + 1) % 7 {
			h.weekly[d] = append(h.weekly[d], spans...)
			if d == b {
				break
			}
		}
	}
}

// dayOf returns the day of the week with a name of at least three letters, or -1.
func dayOf(name string) int {
	if len(name) < 3 || !strings.HasPrefix(strings.ToLower(time.Weekday(max(0, slices.Index(dayNames, name[:3]))).String()), name) {
		return -1
	}
	return slices.Index(dayNames, name[:3])
}

func (h *hours) dateLine(s *source, w word, days string, spans []span) {
	from, to, isRange := strings.Cut(days, "..")
	if !isRange {
		to = from
	}
	y1, d1, ok1 := readDate(from)
	y2, d2, ok2 := readDate(to)
	switch {
	case !ok1 || !ok2:
		s.fault(w.at, "", nil, "%q is not a date; write one like 2026-12-24, 12-24 (every year) or 2026-12-24..2026-12-26", days)
	case y1 != y2 || d1 > d2:
		s.fault(w.at, "", nil, "the dates %s must be in order and within one year; if they go past New Year, write two lines", days)
	default:
		h.dates = append(h.dates, dated{y1, d1, d2, spans})
	}
}

// readDate reads a date. day is month*100 + day of the month. year is 0 if the date has none.
func readDate(s string) (year, day int, ok bool) {
	if t, err := time.Parse("2006-1-2", s); err == nil {
		return t.Year(), int(t.Month())*100 + t.Day(), true
	}
	// 2024 is a leap year, so 02-29 is valid.
	if t, err := time.Parse("2006-1-2", "2024-"+s); err == nil {
		return 0, int(t.Month())*100 + t.Day(), true
	}
	return 0, 0, false
}

// readSpans reads "9-17, 18-20" or "closed". bad is the part that is not valid, or "".
func readSpans(text string) (spans []span, bad string) {
	text = strings.TrimSpace(text)
	if text == "closed" {
		return nil, ""
	}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		from, to, ok := strings.Cut(strings.ReplaceAll(part, "–", "-"), "-")
		a, okA := readTime(from)
		b, okB := readTime(to)
		if !ok || !okA || !okB || a == b || a == 24*60 {
			return nil, part
		}
		if b < a {
			b += 24 * 60
		}
		spans = append(spans, span{a, b})
	}
	return spans, ""
}

// readTime reads "9", "9:30", "9.30" or "24" as the minute of the day.
func readTime(s string) (int, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), ".", ":")
	hour, minute, _ := strings.Cut(s, ":")
	if minute == "" && !strings.Contains(s, ":") {
		minute = "00"
	}
	h, err1 := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if err1 != nil || err2 != nil || len(hour) > 2 || len(minute) != 2 || h < 0 || m < 0 || m > 59 || h*60+m > 24*60 {
		return 0, false
	}
	return h*60 + m, true
}
