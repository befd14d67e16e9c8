package labeler

import (
	"context"
	"encoding/json"
	"testing"

	"agora/db"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestInstructGPTByKeys answers a form of 12 questions a completion with the keyboard alone: a digit
// rates, Tab and the space bar raise a flag, Enter goes to the next completion, digits rank.
func TestInstructGPTByKeys(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addFormProject("careful", db.KindRank, "instructgpt", sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	visible := `[...document.querySelectorAll("article.completion")].filter(e => e.getClientRects().length).map(e => e.id).join()`
	if got := js[string](b, visible); got != "text-A" {
		t.Errorf("shown at first: %s, want only the completion to rate", got)
	}
	b.press("6", kb.Tab, " ", kb.Enter) // the first flag is raised
	if got := js[string](b, visible); got != "text-B" {
		t.Errorf("after Enter: %s", got)
	}
	b.press("2", kb.ArrowRight, kb.ArrowDown, kb.Enter) // arrows stay the radio group's own: 2, 3, 4
	b.press("5", kb.Enter, "5", kb.Enter)
	if got := js[string](b, visible); got != "text-A,text-B,text-C,text-D" {
		t.Errorf("to rank: %s", got)
	}
	b.wantText(".turns", "Rate A (done)")
	b.press("1", "3", "2", "2")
	b.wantText("#order", "A > C = D > B")
	b.eventually("#draft-state", "Draft saved")
	b.leave(ctrlEnter())
	a := answersOf(s, 1)[0]
	if got := shownOutcome(a); got != "1322" {
		t.Errorf("ranks in the order shown: %s", got)
	}
	d := must(a.ParseDetails())
	scores := ""
	for _, id := range a.Shown {
		for _, r := range d.Ratings {
			if r.ID == id {
				scores += string(rune('0' + int(*r.Scores["overall"])))
			}
		}
	}
	first, _ := json.Marshal(d.Ratings)
	if scores != "6455" || !hasFlag(d, a.Shown[0], "fails_task") {
		t.Errorf("scores %s: %s", scores, first)
	}
}

func hasFlag(d db.Details, id, flag string) bool {
	for _, r := range d.Ratings {
		for _, f := range r.Flags {
			if r.ID == id && f == flag {
				return true
			}
		}
	}
	return false
}

// TestInstructGPTWithoutScripts does it by mouse with scripts switched off: the steps are radios that
// the stylesheet follows, and a submission that is not complete opens the step with the first gap.
func TestInstructGPTWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addFormProject("careful", db.KindRank, "instructgpt", sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.noScripts()
	b.open(s.taskOf(p, lena))
	for i, score := range []string{"6", "2", "", "5"} {
		article := "#text-" + string(rune('A'+i))
		if score != "" {
			b.do(click(article + ` .axis input[value="` + score + `"]`))
		}
		b.do(click(article + " .next label"))
	}
	for i, rank := range []string{"1", "4", "2", "3"} {
		b.do(click("#text-" + string(rune('A'+i)) + ` fieldset.rank input[value="` + rank + `"]`))
	}
	b.leave(click("button.primary"))
	b.wantText("#problems", "Completion C: please rate “Overall quality”.")
	b.do(click("#text-C .axis input[value=\"3\"]")) // the page opened where it is missing
	b.leave(click("button.primary"))
	b.wantText("main", "All done")
	if got := shownOutcome(answersOf(s, 1)[0]); got != "1423" {
		t.Errorf("ranks in the order shown: %s", got)
	}
}

// TestFormEditorPreview: what a lead types is in the preview a moment later, and nothing is saved.
func TestFormEditorPreview(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addFormProject("careful", db.KindRank, "summaries", beekeeper)
	b := s.openTab(t)
	b.signInAs(s.as(db.RoleResearcher))
	b.open(formPath(p))
	b.wantText("#preview", "Accuracy")
	b.fill(`[name="axes.1.name"]`, "Faithfulness")
	b.eventually("#preview", "Faithfulness")
	b.do(click(`[name="rate_first"]`))
	b.eventually("#preview", "Rate A")
	if v := must(s.st.Form(context.Background(), p.ID)); v.Version != 1 {
		t.Errorf("typing made version %d", v.Version)
	}
	b.leave(click(`button[value="save"]`))
	b.wantText("h1", "f2")
	b.wantText("#versions", "researcher-1")
	if v := must(s.st.Form(context.Background(), p.ID)); v.Body.Axes[1].Name != "Faithfulness" || v.Body.Axes[1].Key != "accuracy" || !v.Body.RateFirst {
		t.Errorf("saved %+v", v.Body)
	}
}

// TestWritingByKeys writes a demonstration: typing never presses a key, the draft is kept, Ctrl+Enter
// submits, u opens it again.
func TestWritingByKeys(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addFormProject("answers", db.KindDemo, "", promptOf(plants), promptOf(bicycle))
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	b.do(chromedp.SendKeys(chromedp.CSS("#text"), "x Ferns, u 1 2 n"))
	b.eventually("#wordcount", "Words: 6")
	b.eventually("#draft-state", "Draft saved")
	b.leave(ctrlEnter())
	b.wantText("#wordcount", "Words: 0")
	b.leave(chromedp.KeyEvent("u"))
	if got := js[string](b, `document.getElementById("text").value`); got != "x Ferns, u 1 2 n" {
		t.Errorf("after undo: %q", got)
	}
}
