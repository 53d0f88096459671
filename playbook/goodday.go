package playbook

import (
	"maps"
	"slices"
)

// goodDays maps languages to greetings for the morning, the day and the evening. At night, the evening's is used.
var goodDays = map[string][]string{
	"da": {"Godmorgen", "Goddag", "Godaften"},
	"de": {"Guten Morgen", "Guten Tag", "Guten Abend"},
	"en": {"Good morning", "Good afternoon", "Good evening"},
	"es": {"Buenos días", "Buenas tardes", "Buenas noches"},
	"et": {"Tere hommikust", "Tere päevast", "Tere õhtust"},
	"fi": {"Hyvää huomenta", "Hyvää päivää", "Hyvää iltaa"},
	"fr": {"Bonjour", "Bonjour", "Bonsoir"},
	"it": {"Buongiorno", "Buongiorno", "Buonasera"},
	"lt": {"Labas rytas", "Laba diena", "Labas vakaras"},
	"lv": {"Labrīt", "Labdien", "Labvakar"},
	"nl": {"Goedemorgen", "Goedemiddag", "Goedenavond"},
	"no": {"God morgen", "God dag", "God kveld"},
	"nb": {"God morgen", "God dag", "God kveld"},
	"pl": {"Dzień dobry", "Dzień dobry", "Dobry wieczór"},
	"pt": {"Bom dia", "Boa tarde", "Boa noite"},
	"ru": {"Доброе утро", "Добрый день", "Добрый вечер"},
	"sv": {"God morgon", "God dag", "God kväll"},
}

func goodDayLanguages() []string { return slices.Sorted(maps.Keys(goodDays)) }

// goodDay returns the greeting in a language at an hour of the day.
func goodDay(lang string, hour int) string {
	words := goodDays[primary(lang)]
	switch {
	case len(words) == 0:
		return ""
	case hour >= 5 && hour < 10 || primary(lang) == "en" && hour >= 5 && hour < 12:
		return words[0]
	case hour >= 10 && hour < 18:
		return words[1]
	}
	return words[2]
}
