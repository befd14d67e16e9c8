package views

// englishPages holds the strings of what all pages share and of the differences between two texts.
var englishPages = map[string]string{
	// differences between two completions
	"difference.open":       "Differences",
	"difference.title":      "Differences between two completions",
	"difference.first":      "Compare",
	"difference.second":     "with",
	"difference.show":       "Show",
	"difference.same":       "Both texts are the same, letter by letter.",
	"difference.alike":      "%s of all words are in both.",
	"difference.only.one":   "%[2]s has %[1]d word that %[3]s lacks.",
	"difference.only.other": "%[2]s has %[1]d words that %[3]s lacks.",
	"difference.little":     "They share so little that reading both says more than the marks.",
	"difference.start":      "(only in %s: ",
	"difference.end":        ") ",
	// forms that could not be taken
	"again.kept":   "What you sent is kept on this page.",
	"again.signin": "Sign in in another tab",
	"again.send":   "Send it again",
	"draft.signin": "Sign in",
	"draft.other":  "Draft not saved: somebody else is signed in here now. Sign in as yourself in another tab; this page stays as it is.",
	"draft.busy":   "Draft not saved: the site cannot save right now. Trying again.",

	// the page of components
	"components.title":       "Components",
	"components.lead":        "Every part that the pages are made of, with invented content, in both themes.",
	"components.light":       "Light theme",
	"components.dark":        "Dark theme",
	"components.colours":     "Colours",
	"components.type":        "Type",
	"components.buttons":     "Buttons",
	"components.states":      "States",
	"components.alerts":      "Messages",
	"components.fields":      "Fields",
	"components.file":        "File",
	"components.figures":     "Figures and explanations",
	"components.tables":      "Table",
	"components.charts":      "Chart",
	"components.texts":       "Texts of people and models",
	"components.ranking":     "Ranking and choosing",
	"components.differences": "Differences",
	"components.empty":       "Nothing here",

	"keys.difference": "differences to the next completion",
	"keys.moverank":   "a better or worse rank",
	"rank.drag":       "Drag to another place, or onto a letter for a tie",
}
