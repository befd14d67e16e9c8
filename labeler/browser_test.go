package labeler

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"agora/db"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestWholeLoopInABrowser walks the way of the first day: the first admin's link, a project, a
// file, an invitation; then a labeler who ranks one task by mouse and one by keys alone; then the
// researcher who reads the answers and exports them.
func TestWholeLoopInABrowser(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	admin := s.openTab(t)
	link, err := s.firstAdminLink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	join(admin, link, "mira")
	invite := setUpProject(t, admin)

	lena := s.openTab(t)
	join(lena, invite, "lena")
	lena.wantText("h1", "Your tasks")
	lena.leave(click("main form button"))
	lena.wantText("h1", "Rank four completions")
	noPolicies(t, lena)

	// By mouse. The second and third share a rank.
	for i, rank := range []string{"2", "1", "1", "3"} {
		lena.do(click(pickNth(i, rank)))
	}
	lena.wantText("#order", "B tied with C, then A, then D")
	lena.eventually("#draft-state", "Draft saved")
	lena.leave(click("button.primary"))

	// By keys alone: four digits and Ctrl+Enter, nothing else.
	lena.wantText("h1", "Rank four completions")
	lena.press("3", "1", "2", "2")
	lena.wantText("#order", "B > C = D > A")
	lena.leave(ctrlEnter())
	lena.wantText("main", "All done")

	lena.leave(click(`a[href="/answers"]`))
	lena.wantText("tbody", "B = C > A > D")
	lena.wantText("tbody", "B > C = D > A")
	noPolicies(t, lena)

	// The answers are stored under the texts they were given for, whatever the order shown.
	admin.open("/projects/1/items/1")
	admin.wantText("main", "policy-ppo")
	answers := answersOf(s, 1)
	if got := shownOutcome(answers[0]); got != "2113" && got != "3122" {
		t.Errorf("first answer, in the order shown: %s", got)
	}
	export := js[string](admin, `fetch("/projects/1/export", {method: "POST", body: new URLSearchParams({format: "ranked", pack: "data"})}).then(r => r.text())`)
	if n := strings.Count(export, `"schema":"ranked/1"`); n != 2 {
		t.Errorf("export holds %d answers: %s", n, export)
	}
	for _, want := range []string{`"ranks":[`, `"shown_order":[`, `"policy":"policy-ppo"`, `"worker":"w`} {
		if !strings.Contains(export, want) {
			t.Errorf("export lacks %s: %s", want, export)
		}
	}
	if strings.Contains(export, "lena") {
		t.Error("export names the labeler")
	}
}

// TestWithoutJavaScript does the same with scripts switched off: forms and links only.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough, beekeeper)
	token, _, err := s.st.CreateInvite(context.Background(), db.Invite{Role: db.RoleLabeler, ProjectID: p.ID}, inviteLife)
	if err != nil {
		t.Fatal(err)
	}
	b := s.openTab(t)
	b.noScripts()
	join(b, s.url+"/join/"+token, "lena")
	b.leave(click("main form button"))

	// An incomplete answer comes back with what is missing and with what was chosen.
	b.do(click(pickNth(0, "1")), click(pickNth(1, "2")))
	b.leave(click("button.primary"))
	b.wantText("#problems", "Completion C has no rank yet.")
	b.wantText("#problems", "Completion D has no rank yet.")
	b.wantText("#order", "A > B")

	// A draft is saved by its own button and is there afterwards.
	b.do(click(pickNth(2, "3")))
	b.leave(click(`button[formaction$="/draft"]`))
	b.wantText("main", "Draft saved")
	b.wantText("#order", "A > B > C")

	b.do(click(pickNth(3, "4")))
	b.leave(click("button.primary"))
	b.wantText("#order", "nothing ranked yet")

	// Undo brings the answer back as it was.
	b.leave(click("#undo button"))
	b.wantText("#order", "A > B > C > D")
	b.leave(click("button.primary"))

	// Skip with a reason.
	b.do(click("#skip summary"))
	b.leave(click(`#skip button[value="expertise"]`))
	b.wantText("main", "All done")
	b.open("/answers")
	b.wantText("tbody", "Skipped: It needs knowledge I do not have")
	if n := len(answersOf(s, 1)); n != 1 {
		t.Errorf("%d answers in force, want 1", n)
	}
}

// TestKeys drives the ranking page's single keys.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough, beekeeper)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))

	b.press("1", "2")
	b.wantText("#order", "A > B")
	b.press(kb.ArrowUp, "1") // back to B
	b.wantText("#order", "A = B")
	b.press("u")
	b.wantText("#order", "A > B")
	b.press("n")
	if !js[bool](b, `document.forms.task.elements.none.checked`) {
		t.Error("n must tick none acceptable")
	}
	b.press("n", "?")
	if !js[bool](b, `document.getElementById("keys").open`) {
		t.Error("? must list the keys")
	}
	b.do(click("#single-keys"))
	b.do(click("#keys form button"))
	b.press("4")
	b.wantText("#order", "A > B")
	for i := 0; must(s.st.User(context.Background(), lena.ID)).SingleKeys; i++ {
		if i == 100 {
			t.Fatal("switching single keys off must be kept with the account")
		}
		time.Sleep(20 * time.Millisecond)
	}

	// Typing never ranks.
	b.do(click("#keys-fold summary")) // anywhere else first
	js[any](b, `(document.getElementById("single-keys").checked = true, null)`)
	b.do(chromedp.SendKeys(chromedp.CSS("#note"), "1 2 3 x u"))
	b.wantText("#order", "A > B")
	b.eventually("#draft-state", "Draft saved")

	// The draft survives leaving, and its places are where they were.
	b.open("/tasks")
	b.leave(click("main form button"))
	b.wantText("#order", "A > B")
	if note := js[string](b, `document.getElementById("note").value`); note != "1 2 3 x u" {
		t.Errorf("note %q", note)
	}

	// x and a digit skip; u takes the skip back.
	b.open("/tasks")
	if err := s.st.SetSingleKeys(context.Background(), lena.ID, true); err != nil {
		t.Fatal(err)
	}
	b.leave(click("main form button"))
	b.press("x")
	b.leave(chromedp.KeyEvent("2"))
	b.wantText("#order", "nothing ranked yet")
	b.leave(chromedp.KeyEvent("u"))
	b.wantText("#order", "A > B")
}

// TestPairwiseByKeys chooses with a digit and submits.
func TestPairwiseByKeys(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("code", "Code help", db.KindPairwise, 2, logfile)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	b.open(s.taskOf(p, lena))
	b.wantText("h1", "Which completion is better?")
	b.press("5")
	b.wantText("#order", "B is clearly better")
	b.leave(ctrlEnter())
	a := answersOf(s, 1)[0]
	if got := shownOutcome(a); got != "21" || a.Strength == nil || *a.Strength != 2 {
		t.Errorf("ranks in the order shown %s, strength %v", got, a.Strength)
	}
}

// TestFocusStaysInSight walks the ranking page by Tab: nothing that has the focus may lie under the
// bar, and everything pressable is at least 24 pixels high (WCAG 2.2, 2.4.11 and 2.5.8).
func TestFocusStaysInSight(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	lena := s.join(p, "lena")
	b := s.openTab(t)
	b.signInAs(s.signedInAs(lena))
	for _, size := range [][2]int64{{1280, 700}, {390, 640}, {320, 480}} {
		b.do(chromedp.EmulateViewport(size[0], size[1]))
		b.open(s.taskOf(p, lena))
		for range 32 {
			b.press(kb.Tab)
			if hidden := js[string](b, `(() => {
				const e = document.activeElement, bar = document.querySelector(".submitbar");
				if (e === document.body || bar.contains(e)) return "";
				const r = e.getBoundingClientRect(), top = bar.getBoundingClientRect().top;
				return r.bottom > top + 1 && r.height < top ? e.outerHTML.slice(0, 120) : "";
			})()`); hidden != "" {
				t.Errorf("%v: focus under the bar: %s", size, hidden)
			}
		}
		if small := js[string](b, `[...document.querySelectorAll("main button, .submitbar button, main input:not([type=hidden]), summary")]
			.filter(e => e.getClientRects().length && !e.closest("label") && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 90)).join("\n")`); small != "" {
			t.Errorf("%v: too small to hit: %s", size, small)
		}
	}
}

// TestRunPageUpdatesItself follows a run by its event stream, and closes it while the tab is hidden.
func TestRunPageUpdatesItself(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	p := s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	run := s.addRun(p, 5, 40)
	b := s.openTab(t)
	b.signInAs(s.as(db.RoleResearcher))
	b.open(runPath(run))
	b.eventually("#run-state", "5 of 40")
	b.eventually("#run-head", "Stop after this step")
	b.do(click("#table-kl summary"))
	ctx := context.Background()
	if err := s.st.AppendMetrics(ctx, []db.Metric{{RunID: run.ID, Step: 5, Name: "objective/kl", Value: 3.25}}); err != nil {
		t.Fatal(err)
	}
	if err := s.st.Heartbeat(ctx, run.ID, "laptop:4711", 6, 40, "updating"); err != nil {
		t.Fatal(err)
	}
	b.eventually("#run-state", "6 of 40")
	b.eventually("#chart-kl", "3.25")
	if !js[bool](b, `document.getElementById("table-kl").open`) {
		t.Error("an update must not close the table that somebody reads")
	}
	hide := `Object.defineProperty(document, "hidden", {value: %s, configurable: true}); document.dispatchEvent(new Event("visibilitychange")); true`
	js[bool](b, fmt.Sprintf(hide, "true"))
	if err := s.st.Heartbeat(ctx, run.ID, "laptop:4711", 7, 40, "sampling"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * lookEvery)
	b.eventually("#run-state", "6 of 40") // still: nobody looks
	js[bool](b, fmt.Sprintf(hide, "false"))
	b.eventually("#run-state", "7 of 40")
	if err := s.st.FinishRun(ctx, run.ID, "laptop:4711", db.RunDone, "done", `{"checkpoint":"/runs/ppo-1/policy"}`); err != nil {
		t.Fatal(err)
	}
	b.eventually("#run-head", "Finished")
}

// join makes an account by an invitation.
func join(b *tab, link, name string) {
	b.t.Helper()
	b.open(link)
	b.fill("#name", name)
	b.fill("#password", testPassword)
	b.fill("#again", testPassword)
	b.leave(click("main form button"))
}

// setUpProject makes a project with two tasks and returns an invitation to it.
func setUpProject(t *testing.T, b *tab) string {
	t.Helper()
	b.fill("#title", "Everyday help")
	b.fill("#name", "everyday")
	b.leave(click("#new button"))
	b.wantText("h1", "Everyday help")
	file := filepath.Join(t.TempDir(), "everyday.jsonl")
	if err := os.WriteFile(file, []byte(completionsFile(sourdough, beekeeper)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open("/projects/1/import")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	b.leave(click(".dropzone button"))
	b.wantText("#preview", "Import 2 records")
	b.leave(click("#preview button"))
	b.wantText("main", "everyday.jsonl: 2 rows, 2 new items")
	b.open("/projects/1")
	b.fill("#label", "Lena")
	b.leave(click("#invites form button"))
	return js[string](b, `document.getElementById("invite-link").value`)
}

// pickNth is the radio that gives the completion shown at place i a rank.
func pickNth(i int, rank string) string {
	return ".completion:nth-of-type(" + string(rune('1'+i)) + `) input[value="` + rank + `"]`
}

// noPolicies fails when a labeler's page gives away who wrote a text.
func noPolicies(t *testing.T, b *tab) {
	t.Helper()
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"policy-ppo", "policy-sft", "policy-base"} {
		if strings.Contains(html, secret) {
			t.Errorf("the page at %s holds %s", b.path(), secret)
		}
	}
}

// answersOf lists the answers in force of an item.
func answersOf(s *liveSite, item int64) []db.Answer {
	s.t.Helper()
	d, err := s.st.ItemDetail(context.Background(), 1, item)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []db.Answer
	for _, a := range d.Answers {
		if a.State == db.AnswerActive {
			list = append(list, a)
		}
	}
	return list
}

// shownOutcome is an answer's ranks in the order its texts were shown.
func shownOutcome(a db.Answer) string {
	out := ""
	for _, id := range a.Shown {
		pos := int(id[1] - '1') // c1, c2, …
		out += string(rune('0' + *a.Ranks[pos]))
	}
	return out
}
