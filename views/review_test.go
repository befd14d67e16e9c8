package views

import (
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// reviewSamples are the pages of review, log, withdrawal and data in and out.
func reviewSamples() map[string]templ.Component {
	mira := Frame{Title: "Review", Path: "/projects/1/review", User: Person{"mira", "admin"}}
	lena := Frame{Title: "Tasks", Path: "/tasks", User: Person{"lena", "labeler"}}
	any := []Choice{{"", "any"}}
	return map[string]templ.Component{
		"review": ReviewPage(mira, Review{Base: "/projects/1/review", Total: "2 answers.", Quick: []Link{{"All answers", ""}, {"too fast", "/projects/1/review?check=fast"}},
			Filter: ReviewFilter{Worker: "w1", Workers: []Choice{{"", "any"}, {"w1", "w1"}}, States: any, Purposes: any, Langs: any, Flags: any, Checks: any, Reasons: any, Under: "5", Open: true},
			Rows: []ReviewRow{{Href: "/projects/1/review/items/1?a=1", Worker: "w1", Prompt: "Sky?", Lang: "en", Outcome: "c1 > c2", Took: "4 s", State: "returned", When: noon, Notes: 2},
				{Href: "/projects/1/review/items/2?a=2", Worker: "w2", Prompt: "سماء؟", Lang: "ar", Outcome: "c1 = c2", State: "active", Purpose: "gold", When: noon}},
			Older: "/projects/1/review?before=1"}),
		"review-skips": ReviewPage(mira, Review{Base: "/projects/1/review", Filter: ReviewFilter{State: "skipped"}, Skips: []ReviewSkip{{Href: "/projects/1/review/items/1", Worker: "w1", Prompt: "Sky?", Reason: "The task is broken", Comment: "No text.", When: noon}}}),
		"review-empty": ReviewPage(mira, Review{Base: "/projects/1/review"}),
		"compare": ComparePage(mira, Compare{Back: "/projects/1/review", Action: "/projects/1/review/items/1", PromptID: "p1", Language: "en", Turns: []Turn{{"user", "Sky?"}},
			Agree: "The shown answers agree on 0 of 1 comparisons.", All: []Choice{{"1", "w1"}, {"2", "w2"}, {"3", "w3"}},
			Texts: []CompareText{{Name: "c1", Policy: "ppo", Text: "Blue.", Differs: true, Cells: []CompareCell{{Rank: "rank 1", Ratings: []Row{{"overall", "6"}, {"flags", "opinion"}}}, {Rank: "rank 2"}, {}}},
				{Name: "c2", Text: "Green.", Cells: []CompareCell{{Rank: "rank 2"}, {Rank: "rank 2"}, {}}}},
			Answers: []CompareAnswer{
				{ID: "1", Worker: "w1", State: "active", Outcome: "c1 > c2", Shown: "c2, c1", Took: "41 s", Active: "30 s", Sure: "8 of 10", Note: "a <note>", Versions: "g1 · f2 · u3", When: noon, Site: true,
					Thread: []ThreadNote{{Who: "vera", Kind: "comment", Text: "Why?", ToLabeler: true, When: noon}, {Who: "vera", Kind: "include", When: noon}}, Comment: "/c", Return: "/r", Exclude: "/e"},
				{ID: "2", Worker: "w2", State: "excluded", Outcome: "c1 = c2", When: noon, Comment: "/c2", Include: "/i"},
				{ID: "3", Worker: "w3", State: "withdrawn", Hidden: true, When: noon}}}),
		"audit": AuditPage(mira, AuditLog{Base: "/audit", Export: "/audit.csv?", Site: true, People: any, Actions: any,
			Lines: []AuditLine{{When: noon, Who: "vera", What: "Answer excluded", Code: "answer.exclude", Object: "answer:7", Href: "/projects/1/review/items/1?a=7", Detail: "{\n  \"reopen\": true\n}"}, {When: noon, Who: "command line", What: "x.y", Object: "user:1"}}, Newer: "/audit?after=9"}),
		"artefacts": ArtefactsPage(mira, Artefacts{Withdraw: "/projects/1/withdraw", Workers: []Choice{{"w1", "w1"}}, Withdrawals: []WithdrawalRow{{"w9", 12, 1, noon}},
			Affected: []ArtefactRow{{Anchor: "artefact-1", Name: "a.jsonl", Kind: "export, ranked", SHA256: strings.Repeat("ab", 32), Workers: "w9", Direct: true, When: noon, Retire: "/retire"},
				{Anchor: "artefact-2", Name: "judge", Kind: "Reward model", SHA256: strings.Repeat("cd", 32), Href: "/runs/3", Workers: "w9", When: noon, Done: noon, DoneNote: "deleted", DoneBy: "mira"}},
			Others: []ArtefactRow{{Anchor: "artefact-3", Name: "b.jsonl", Kind: "export, trl", SHA256: strings.Repeat("ef", 32), Rows: 4, When: noon}}}),
		"dataout": DataOutPage(mira, DataOut{Action: "/projects/1/export", Artefacts: "/projects/1/artefacts", Format: "ranked", Formats: []Choice{{"ranked", "ranked"}}, Packs: []Choice{{"zip", "zip"}}, Langs: any, Withdrawn: 1, Excluded: 2, Returned: 3, Error: "Nothing to export as trl yet"}),
		"datain": DataInPage(mira, DataIn{Action: "/projects/1/import", MostMB: 512, Error: "Please choose a file.", Waiting: []UploadRow{{Href: "/projects/1/import/x", File: "a.csv", Size: "1.2 kB", State: "ready", Received: noon, Expires: noon}},
			Datasets: []Dataset{{File: "b.jsonl", Format: "ranked", SHA256: "0123456789abcdef", Rows: 4, Items: 4, When: noon}}}),
		"upload": UploadPage(mira, Upload{Base: "/projects/1/import/x", Back: "/projects/1/import", Project: "/projects/1", File: "a.csv", Size: "1.2 kB", Columns: []string{"frage", "a", "b"}, Formats: []Choice{{"auto", "auto"}, {"mapping", "mapping"}}, MapOn: true,
			Map: map[string]string{"prompt": "frage", "text1": "a", "text2": "b"}, Texts: 3, Checked: true, ReadAs: "by the columns named below", RowsRead: 2, New: 1, Known: 1, Answers: 2, MoreFaults: 7,
			Faults: []FileFault{{3, "a", "is missing"}, {0, "", "is empty"}}, Sample: []ReadRow{{Kind: "ranking", Prompt: "Sky?", Worker: "u1", Lang: "en", Turns: 3, Texts: []ReadText{{"Blue.", "gpt", "rank 1"}, {Text: "Green."}}}}}),
		"upload-ready":   UploadPage(mira, Upload{Base: "/projects/1/import/x", Back: "/projects/1/import", File: "a.jsonl", Size: "9 kB", Checked: true, ReadAs: "ranked", RowsRead: 9, New: 9, Answers: 9}),
		"upload-working": UploadPage(mira, Upload{Base: "/projects/1/import/x", Back: "/projects/1/import", File: "a.jsonl", Size: "9 MB", Working: true, Importing: true, Rows: 4000, Percent: 40}),
		"upload-done":    UploadPage(mira, Upload{Base: "/projects/1/import/x", Back: "/projects/1/import", Project: "/projects/1", File: "a.jsonl", Size: "9 MB", Done: "a.jsonl: 9 rows, 9 new items, 0 answers."}),
		"returned":       HomePage(lena, nil, ReturnedTask{Href: "/tasks/L1", Project: "Everyday help", Prompt: "Sky?", Comment: "Please look again.", Until: noon}),
	}
}

// TestWithdrawnAnswersAreNotShown: of a withdrawn answer the page has its state and nothing it says.
func TestWithdrawnAnswersAreNotShown(t *testing.T) {
	page := render(t, ComparePage(Frame{}, Compare{Answers: []CompareAnswer{{ID: "3", Worker: "w3", State: "withdrawn", Hidden: true, Outcome: "c1 > c2", Note: "secret"}}}))
	if strings.Contains(page, "secret") || strings.Contains(page, "c1 &gt; c2") || !strings.Contains(page, "withdrew") {
		t.Errorf("page: %s", page)
	}
}
