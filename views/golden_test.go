package views

import (
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// samples are the pages and parts with invented content, one golden file each.
func samples() map[string]templ.Component {
	lena := Frame{Title: "Tasks", Path: "/tasks", User: Person{"lena", "labeler"}, Reading: true}
	mira := Frame{Title: "Project", Path: "/projects/1", User: Person{"mira", "admin"},
		Crumbs: []Crumb{{"Projects", "/projects"}, {Label: "Everyday help"}}}
	return map[string]templ.Component{
		"task":       TaskPage(lena, sampleTask()),
		"problems":   TaskPage(lena, sampleProblems()),
		"pair":       TaskPage(lena, samplePairwise()),
		"home":       HomePage(lena, []HomeProject{{Name: "Everyday help", ID: "1", Guidelines: "/guidelines/1", Mine: Progress{34, 120}, Left: 86}, {Name: "Code help", ID: "2"}}),
		"home-empty": HomePage(lena, nil),
		"answers": AnswersPage(lena, []MyAnswer{{Project: "Everyday help", Prompt: "Suggest a present", Outcome: "A = C > B", When: noon, EditUntil: noon.Add(time.Hour), Edit: "/tasks/L1", Undo: "1"},
			{Project: "Everyday help", Prompt: "Broken", Outcome: "The task is broken", Skipped: true, When: noon}}),
		"queue":        QueueView(mira, sampleQueue()),
		"pool":         PoolPage(mira, samplePool()),
		"components":   ComponentsPage(mira),
		"signin":       SignInPage(Frame{Title: "Sign in", Path: "/signin"}, SignIn{Name: "lena", Next: "/tasks", Error: "No."}),
		"join":         JoinPage(Frame{Title: "Make your account"}, Join{Action: "/join/x", Role: "labeler", Project: "Everyday help", MinPassword: 10, Errors: map[string]string{"again": "The two passwords differ."}}),
		"failure":      FailurePage(lena, Failure{Status: 500, Title: "Something went wrong", Text: "Noted.", Reference: "7f3a", Links: []Link{{"Start page", "/"}}}),
		"projects":     ProjectsPage(mira, []ProjectRow{{Href: "/projects/1", Title: "Everyday help", Name: "everyday", Kind: "Rank four completions", Items: 1234, Answers: 12, Wanted: 3702, Labelers: 4}}, ProjectForm{Kind: "rank", K: "12", Overlap: "1", Errors: map[string]string{"k": "12 is not between 2 and 9"}}),
		"project":      ProjectPage(mira, sampleProject()),
		"items":        ItemsPage(mira, []ItemRow{{Href: "/projects/1/items/1", Prompt: "Sky?", Policies: "ppo, sft", State: "open", Completions: 2, Answers: 1, Wanted: 3}}, Pager{Next: "?from=50", From: 1, To: 50, N: 51}, "/projects/1"),
		"item":         ItemPage(mira, Item{PromptID: "p1", Turns: []Turn{{"user", "Sky?"}}, Texts: []ItemText{{"c1", "ppo", "Blue."}, {"c2", "sft", "Green."}}, Answers: []ItemAnswer{{Worker: "w1", Outcome: "c1 > c2", Shown: "c2, c1", Took: "47 s", State: "undone", When: noon}}}),
		"winrate":      WinRatePage(mira, sampleWinRate()),
		"leaderboard":  LeaderboardPage(mira, sampleLeaderboard()),
		"quality":      QualityPage(mira, sampleQuality()),
		"labeler":      LabelerQualityPage(mira, sampleLabelerPage()),
		"disagreement": DisagreementPage(mira, sampleDisagreement()),
		"split":        SplitItemPage(mira, sampleSplitItem()),
		"runs":         RunsPage(mira, []RunRow{{Href: "/runs/1", Name: "ppo-1", Kind: "PPO", State: "running", Progress: "3 / 20", Created: noon}}, []Link{{"New PPO run", "/runs/new?kind=ppo"}}),
		"run":          RunPage(mira, sampleRun()),
		"launch":       LaunchPage(mira, Launch{Action: "/runs", Kind: "ppo", Title: "Run PPO", Kinds: []Link{{"PPO", ""}, {"DPO", "/runs/new?kind=dpo"}}, Main: []Field{{ID: "policy", Name: "policy", Label: "Policy", Type: "text", Required: true, Error: "This is needed.", Choices: []Choice{{"/runs/1", "sft-1"}}}}, More: []Field{{ID: "set.kl_coef", Name: "set.kl_coef", Label: "kl_coef", Type: "text", Value: "x", Error: "“x” is not a number.", Mono: true, Required: true}}, Errors: 2}),
		"users":        UsersPage(mira, Users{NewLink: "http://localhost/join/x", People: []User{{Name: "lena", Role: "labeler", State: "active", Disable: "/users/2/disable", Reset: "/users/2/reset"}, {Name: "old", Role: "labeler", State: "disabled", LastSignIn: noon, Enable: "/users/3/enable"}}, Invites: []Invite{{Role: "labeler", State: "used", Expires: noon}, {Label: "Ana", Role: "researcher", State: "open", Expires: noon, Revoke: "/users/invites/2/revoke"}}, Roles: []Choice{{"labeler", "labeler"}}}),
	}
}

func sampleTask() Task {
	return Task{
		Action: "/tasks/L1", Draft: "/tasks/L1/draft", Skip: "/tasks/L1/skip", Undo: "1", SingleKeys: true, Project: "Everyday help", Guidelines: "/guidelines/1",
		Language: "ar", Turns: []Turn{{"user", "كيف الطقس؟"}, {"assistant", "Where?"}, {"user", "Here."}},
		Texts: []Completion{{Key: "kA", Text: "**Sunny**, 20 °C", Rank: 1}, {Key: "kB"}, {Key: "kC", Text: "Look outside.", Rank: 1}}, Kind: TaskRank, Form: sampleForm(),
		Note: "a <note>", Sure: 2, Saved: noon, Mine: Progress{3, 10},
	}
}

func sampleProblems() Task {
	t := sampleTask()
	t.Problems = []Problem{{"rank_kB", "Completion B has no rank yet."}}
	return t
}

func samplePairwise() Task {
	return Task{Action: "/tasks/L2", Draft: "/tasks/L2/draft", Skip: "/tasks/L2/skip", Kind: TaskPairwise, Form: sampleForm(), Project: "Code help",
		Turns: []Turn{{"user", "2+2?"}}, Texts: []Completion{{Key: "k1", Text: "4"}, {Key: "k2", Text: "`5`"}}, Strength: "-1", NoneOK: true}
}

func sampleProject() Project {
	return Project{ID: "1", Base: "/projects/1", Title: "Everyday help", Name: "everyday", Kind: "Rank four completions", Rules: "3 answers an item",
		Figures: []Figure{{"Items", "4", ""}}, Queue: Queue{1, 3, 5, 12}, MayChange: true, NewLink: "http://localhost/join/x",
		Datasets: []Dataset{{File: "a.jsonl", Format: "completions", SHA256: "0123456789abcdef", Rows: 4, Items: 4, When: noon}},
		Labelers: []Labeler{{"w1", 5, 1, noon}}, Guidelines: "Be fair.", GuideVersion: "g1", GuidePage: "/guidelines/1",
		Nav: []LinkGroup{{"Data", []Link{{"Import data", "/projects/1/import"}, {"Export data", "/projects/1/export"}}}, {"Models", nil}}}
}

func sampleWinRate() WinRate {
	return WinRate{Events: "/projects/1/winrate/events", Choices: []Choice{{"ppo", "ppo"}, {"sft", "sft"}}, A: "ppo", B: "sft", N: 28, Items: 4, Labelers: 7, Wins: 14, Ties: 7, Losses: 7,
		Rate: .625, Lo: .52, Hi: .71, Method: "Bootstrap.", Verdict: "People prefer ppo.", Growth: []RatePoint{{1, 1, .2, 1}, {14, .6, .4, .8}, {28, .625, .52, .71}},
		Others: []RateRow{{"/projects/1/winrate?a=base&b=ppo", "base", "ppo", 28, .3, .2, .4}}}
}

func sampleRun() Run {
	return Run{Events: "/runs/1/events", Name: "ppo-1", State: "running", Lead: "PPO for Everyday help.", Action: &Button{Label: "Stop", Action: "/runs/1/stop"},
		Warnings: []Notice{{Kind: "warn", Title: "Length grows", Text: "From 10 to 20."}},
		Lineage:  []LineageStep{{"sft-1", "as policy", "/runs/2", false}, {"ppo-1", "this run", "", true}, {"Checkpoint", "not yet committed", "", false}},
		Figures:  []Figure{{"Step", "3", "of 20"}}, Charts: []Chart{sampleChart()},
		Samples: []SamplePair{{Prompt: "My umbrella", Before: SampleText{"Step 0", "reward −0.3", "", "is wet."}, After: SampleText{"Step 3", "reward 1.2", "", "and I <3 rain."}}, {After: SampleText{"Step 3", "", "The trouble", "is mine."}}},
		Config:  []Setting{{"kl_coef", "0.03", "0.1", "score/nat", "price of a nat"}, {"seed", "0", "0", "", "seed"}}, System: []Row{{"Worker", "laptop:1"}}, Rest: []Row{{"lr", "0.001 at step 3"}}}
}

func sampleChart() Chart {
	return Chart{ID: "reward", Title: "Reward", Help: []Row{{"Unit", "reward"}}, XLabel: "step", Now: "1.2 and 0.5",
		Series: []Series{{Name: "reward model", Points: []Point{{0, 0}, {1, .4}, {2, math.NaN()}, {3, 1.2}}}, {Name: "judge", Points: []Point{{0, 0}, {1, .3}, {2, .45}, {3, .5}}}},
		Levels: []Level{{1, "target"}}}
}

// allSamples are the samples of all rooms.
func allSamples() map[string]templ.Component {
	all := samples()
	maps.Copy(all, peopleSamples())
	maps.Copy(all, formSamples())
	maps.Copy(all, reviewSamples())
	return all
}

func TestGolden(t *testing.T) {
	all := allSamples()
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			got := stable(render(t, c))
			file := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s changed; look at the difference, then run `go test ./views -update`\n%s", file, firstDifference(got, string(want)))
			}
		})
	}
}

// stable puts one element on a line and leaves out the assets' hashes, so that differences read well.
func stable(page string) string {
	for _, b := range assetBundles {
		page = strings.ReplaceAll(page, AssetPath(b.name), StaticPrefix+b.name)
	}
	return strings.ReplaceAll(page, "><", ">\n<") + "\n"
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer than the other"
}

// TestPagesAreSound checks what must hold on every page: ids are unique, labels and descriptions lead
// somewhere, forms post or get, and nothing is inline that the content policy forbids.
func TestPagesAreSound(t *testing.T) {
	for name, c := range allSamples() {
		t.Run(name, func(t *testing.T) {
			doc, err := html.Parse(strings.NewReader(render(t, c)))
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]int{}
			for n := range doc.Descendants() {
				if id := attr(n, "id"); id != "" {
					ids[id]++
				}
			}
			for id, n := range ids {
				if n > 1 {
					t.Errorf("id %q occurs %d times", id, n)
				}
			}
			for n := range doc.Descendants() {
				checkElement(t, n, ids)
			}
		})
	}
}

func checkElement(t *testing.T, n *html.Node, ids map[string]int) {
	t.Helper()
	if n.Type != html.ElementNode {
		return
	}
	for _, refs := range []string{attr(n, "aria-describedby"), attr(n, "aria-labelledby"), attr(n, "for"), attr(n, "form"), attr(n, "list")} {
		for ref := range strings.FieldsSeq(refs) {
			if ids[ref] == 0 {
				t.Errorf("<%s> refers to %q, which is nowhere", n.Data, ref)
			}
		}
	}
	if to, ok := strings.CutPrefix(attr(n, "href"), "#"); ok && ids[to] == 0 {
		t.Errorf("link to #%s leads nowhere", to)
	}
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			t.Errorf("<%s %s> is inline", n.Data, a.Key)
		}
	}
	switch {
	case n.Data == "img" || n.Data == "style":
		t.Errorf("<%s> is not allowed", n.Data)
	case n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil):
		t.Error("a script must come from a file")
	case n.Data == "svg" && attr(n, "aria-hidden") == "" && attr(n, "aria-label") == "":
		t.Error("a drawing has neither a label nor is it hidden")
	case n.Data == "table" && !strings.Contains(attr(n.Parent, "class"), "scroll"):
		t.Error("a table must stand in a .scroll region")
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
