package labeler

import (
	"bytes"
	"context"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"agora/db"
)

// scene is a small world for scenarios: two labelers and a researcher in a project with two tasks.
type scene struct {
	*testSite
	project    db.Project
	alice, bob db.User
	lease      string   // alice's open task
	keys       []string // its texts' keys, in the order shown
	browsers   map[string]*browser
	rosa       db.User
}

func newScene(t testing.TB) *scene {
	s := &scene{testSite: newTestSite(t)}
	s.schema = testSchema
	s.project = s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough, beekeeper)
	s.alice, s.bob = s.join(s.project, "alice"), s.join(s.project, "bob")
	s.lease = strings.TrimPrefix(s.taskOf(s.project, s.alice), "/tasks/")
	task, err := s.st.Task(context.Background(), s.alice.ID, s.lease)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range task.Completions {
		s.keys = append(s.keys, c.Key)
	}
	s.rosa = s.addUser("rosa", db.RoleResearcher)
	s.browsers = map[string]*browser{
		"alice": s.signedInAs(s.alice), "bob": s.signedInAs(s.bob), "rosa": s.signedInAs(s.rosa),
		"mira": s.signedInAs(s.addUser("mira", db.RoleAdmin)), "vera": s.signedInAs(s.addUser("vera", db.RoleReviewer)), "eve": s.signedInAs(s.addUser("eve", db.RoleLabeler)),
		"nobody": s.visitor(),
	}
	return s
}

// ranking is a form that ranks alice's texts in the order shown.
func (s *scene) ranking(ranks ...string) url.Values {
	form := url.Values{}
	for i, r := range ranks {
		if r != "" {
			form.Set("rank_"+s.keys[i], r)
		}
	}
	return form
}

// rows counts what is stored.
func (s *scene) rows() map[string]int {
	s.t.Helper()
	ctx := context.Background()
	n := map[string]int{}
	for item := int64(1); item <= 2; item++ {
		d, err := s.st.ItemDetail(ctx, s.project.ID, item)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, a := range d.Answers {
			n["answers "+a.State]++
		}
	}
	runs := must(s.st.ListRuns(ctx, 0))
	imports := must(s.st.Imports(ctx, s.project.ID))
	n["projects"], n["runs"], n["imports"] = len(must(s.st.Projects(ctx))), len(runs), len(imports)
	n["members"], n["invites"] = len(must(s.st.Members(ctx, s.project.ID))), len(must(s.st.Invites(ctx)))
	maps.DeleteFunc(n, func(_ string, v int) bool { return v == 0 })
	return n
}

// scenario is one request and what must and must not come of it.
type scenario struct {
	name     string
	as       string
	before   func(s *scene)
	get      string // or
	post     string
	form     func(s *scene) url.Values
	header   string // "Name: value"
	status   int
	location string         // beginning of where the answer sends the browser
	body     []string       // must be in the page
	notBody  []string       // must not be in it
	rows     map[string]int // changes of the stored rows, none when empty
}

func (sc scenario) run(t *testing.T) {
	t.Parallel() // most of the time goes into the disk
	s := newScene(t)
	if sc.before != nil {
		sc.before(s)
	}
	before := s.rows()
	fill := strings.NewReplacer("LEASE", s.lease)
	method, path := http.MethodGet, fill.Replace(sc.get)
	var form url.Values
	if sc.post != "" {
		method, path, form = http.MethodPost, fill.Replace(sc.post), url.Values{}
		if sc.form != nil {
			form = sc.form(s)
		}
	}
	req := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if name, value, ok := strings.Cut(sc.header, ": "); ok {
		req.Header.Set(name, value)
	}
	res := s.browsers[sc.as].send(req)
	sc.check(t, s, res, before)
}

func (sc scenario) check(t *testing.T, s *scene, res *httptest.ResponseRecorder, before map[string]int) {
	t.Helper()
	page := res.Body.String()
	if res.Code != sc.status {
		t.Errorf("status %d, want %d: %s", res.Code, sc.status, page)
	}
	if to := res.Header().Get("Location"); !strings.HasPrefix(to, sc.location) || (sc.location == "") != (to == "") {
		t.Errorf("sent to %q, want %q", to, sc.location)
	}
	for _, want := range sc.body {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q: %s", want, page)
		}
	}
	for _, not := range sc.notBody {
		if strings.Contains(page, not) {
			t.Errorf("page must not hold %q", not)
		}
	}
	change := s.rows()
	for name, n := range before {
		change[name] -= n
	}
	maps.DeleteFunc(change, func(_ string, n int) bool { return n == 0 })
	if !maps.Equal(change, sc.rows) && len(change)+len(sc.rows) > 0 {
		t.Errorf("rows changed by %v, want %v", change, sc.rows)
	}
}

// secrets are what no labeler may read: who wrote a text, and other people's names.
var secrets = []string{"policy-ppo", "policy-sft", "policy-base", "bob", "rosa", "c1", "c4"}

func TestTaskScenarios(t *testing.T) {
	full := func(s *scene) url.Values { return s.ranking("1", "2", "2", "3") }
	for _, sc := range []scenario{
		{name: "start page", as: "alice", get: "/tasks", status: 200, body: []string{"Everyday help", "2 tasks left"}, notBody: secrets},
		{name: "no project yet", as: "eve", get: "/tasks", status: 200, body: []string{"No project yet"}, notBody: []string{"Everyday help"}},
		{name: "task page", as: "alice", get: "/tasks/LEASE", status: 200, body: []string{"Completion D", "Not ranked yet", "Mine"}, notBody: secrets},
		{name: "someone else's task", as: "bob", get: "/tasks/LEASE", status: 404, notBody: []string{"alice", "sourdough"}},
		{name: "someone else's submission", as: "bob", post: "/tasks/LEASE", form: full, status: 404, notBody: []string{"alice"}},
		{name: "someone else's skip", as: "bob", post: "/tasks/LEASE/skip", form: func(*scene) url.Values { return url.Values{"reason": {"broken"}} }, status: 404},
		{name: "unknown task", as: "alice", get: "/tasks/AAAAAAAA", status: 404},
		{name: "complete ranking", as: "alice", post: "/tasks/LEASE", form: full, status: 303, location: "/tasks/", rows: map[string]int{"answers active": 1}},
		{name: "nothing ranked", as: "alice", post: "/tasks/LEASE", status: 422, body: []string{"Completion A has no rank yet.", "Completion D has no rank yet."}, notBody: secrets},
		{name: "one missing keeps the rest", as: "alice", post: "/tasks/LEASE", form: func(s *scene) url.Values { return s.ranking("1", "", "2", "3") }, status: 422,
			body: []string{"Completion B has no rank yet.", "A &gt; C &gt; D"}, notBody: []string{"Completion A has no rank yet."}},
		{name: "none acceptable needs no ranks", as: "alice", post: "/tasks/LEASE", form: func(*scene) url.Values { return url.Values{"none": {"true"}} }, status: 303, location: "/tasks/", rows: map[string]int{"answers active": 1}},
		{name: "rank out of range is no rank", as: "alice", post: "/tasks/LEASE", form: func(s *scene) url.Values { return s.ranking("1", "2", "7", "-1") }, status: 422, body: []string{"Completion C has no rank yet."}},
		{name: "keys of other texts do not count", as: "alice", post: "/tasks/LEASE", form: func(s *scene) url.Values {
			f := s.ranking("1", "2", "3")
			f.Set("rank_FORGED00", "4")
			return f
		}, status: 422, body: []string{"Completion D has no rank yet."}},
		{name: "a labeler cannot say who they are", as: "alice", post: "/tasks/LEASE", form: func(s *scene) url.Values {
			f := full(s)
			f.Set("user", "2")
			f.Set("worker", "w-other")
			return f
		}, status: 303, location: "/tasks/", rows: map[string]int{"answers active": 1}},
		{name: "sent twice", as: "alice", before: func(s *scene) { s.browsers["alice"].post("/tasks/"+s.lease, full(s)) }, post: "/tasks/LEASE", form: full, status: 303, location: "/answers",
			rows: map[string]int{"answers replaced": 1}},
		{name: "editing says so", as: "alice", before: func(s *scene) { s.browsers["alice"].post("/tasks/"+s.lease, full(s)) }, get: "/tasks/LEASE", status: 200,
			body: []string{"You are editing an answer", "A &gt; B = C &gt; D"}, notBody: []string{`id="skip"`}},
		{name: "too late to edit", as: "alice", before: func(s *scene) {
			s.browsers["alice"].post("/tasks/"+s.lease, full(s))
			s.st.Clock.Advance(2 * time.Hour)
		}, get: "/tasks/LEASE", status: 409, body: []string{"Too late to change"}},
		{name: "draft by script", as: "alice", post: "/tasks/LEASE/draft", form: func(s *scene) url.Values { return s.ranking("", "1") }, header: "Accept: application/json", status: 200, body: []string{`"saved"`}},
		{name: "draft by beacon", as: "alice", post: "/tasks/LEASE/draft", form: full, header: "Sec-Fetch-Dest: empty", status: 200},
		{name: "draft by form", as: "alice", post: "/tasks/LEASE/draft", form: full, status: 303, location: "/tasks/"},
		{name: "draft when signed out", as: "nobody", post: "/tasks/LEASE/draft", form: full, header: "Accept: application/json", status: 401},
		{name: "submission when signed out", as: "nobody", post: "/tasks/LEASE", form: full, status: 401, body: []string{"signed out"}},
		{name: "skip", as: "alice", post: "/tasks/LEASE/skip", form: func(*scene) url.Values { return url.Values{"reason": {"language"}} }, status: 303, location: "/tasks/"},
		{name: "skip without a reason", as: "alice", post: "/tasks/LEASE/skip", status: 422},
		{name: "expired but free", as: "alice", before: func(s *scene) { s.st.Clock.Advance(3 * time.Hour) }, post: "/tasks/LEASE", form: full, status: 303, location: "/tasks/", rows: map[string]int{"answers active": 1}},
		{name: "expired and taken", as: "alice", before: giveAway, post: "/tasks/LEASE", form: full, status: 409, body: []string{"Given to somebody else", "kept as a draft"}, notBody: []string{"bob"}},
		{name: "next task of one's project", as: "bob", post: "/tasks/next", form: func(*scene) url.Values { return url.Values{"project": {"1"}} }, status: 303, location: "/tasks/"},
		{name: "a foreign project stays closed", as: "eve", post: "/tasks/next", form: func(*scene) url.Values { return url.Values{"project": {"1"}} }, status: 404},
		{name: "no such project", as: "alice", post: "/tasks/next", form: func(*scene) url.Values { return url.Values{"project": {"99"}} }, status: 404},
		{name: "guidelines", as: "alice", get: "/guidelines/1", status: 200, body: []string{"Being right comes first", "Version g1"}},
		{name: "foreign guidelines", as: "eve", get: "/guidelines/1", status: 404},
		{name: "undo", as: "alice", before: func(s *scene) { s.browsers["alice"].post("/tasks/"+s.lease, full(s)) }, post: "/answers/undo", form: func(*scene) url.Values { return url.Values{"project": {"1"}} },
			status: 303, location: "/tasks/", rows: map[string]int{"answers active": -1, "answers undone": 1}},
		{name: "nothing to undo", as: "alice", post: "/answers/undo", form: func(*scene) url.Values { return url.Values{"project": {"1"}} }, status: 303, location: "/answers"},
		{name: "my answers", as: "alice", before: func(s *scene) { s.browsers["alice"].post("/tasks/"+s.lease, full(s)) }, get: "/answers", status: 200,
			body: []string{"A &gt; B = C &gt; D", "Edit", "Undo"}, notBody: secrets},
	} {
		t.Run(sc.name, sc.run)
	}
}

// giveAway lets alice's task run out and bob take and answer everything.
func giveAway(s *scene) {
	s.st.Clock.Advance(3 * time.Hour)
	for {
		task, err := s.st.Next(context.Background(), s.project.ID, s.bob.ID)
		if err != nil {
			return
		}
		ranks := map[string]int{}
		for _, c := range task.Completions {
			ranks[c.Key] = 1
		}
		must(s.st.Submit(context.Background(), s.bob.ID, task.Lease.ID, db.Ranking{Ranks: ranks}))
	}
}

func TestResearchScenarios(t *testing.T) {
	values := func(pairs ...string) func(*scene) url.Values {
		return func(*scene) url.Values {
			f := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				f.Set(pairs[i], pairs[i+1])
			}
			return f
		}
	}
	for _, sc := range []scenario{
		{name: "researchers start at their projects", as: "rosa", get: "/", status: 303, location: "/projects"},
		{name: "labelers start at their tasks", as: "alice", get: "/", status: 303, location: "/tasks"},
		{name: "projects", as: "rosa", get: "/projects", status: 200, body: []string{"Everyday help", "Rank four completions"}},
		{name: "new project", as: "rosa", post: "/projects", form: values("title", "Code", "name", "code", "kind", "pairwise", "k", "4", "overlap", "3"), status: 303, location: "/projects/2", rows: map[string]int{"projects": 1}},
		{name: "bad name", as: "rosa", post: "/projects", form: values("title", "Code", "name", "Code Help", "kind", "rank", "k", "4", "overlap", "1"), status: 422, body: []string{"lower-case letters", `value="Code Help"`}},
		{name: "K out of range", as: "rosa", post: "/projects", form: values("title", "Code", "name", "code", "kind", "rank", "k", "12", "overlap", "1"), status: 422, body: []string{"12 is not between 2 and 9", `id="k-err"`}},
		{name: "taken name", as: "rosa", post: "/projects", form: values("title", "X", "name", "everyday", "kind", "rank", "k", "4", "overlap", "1"), status: 422, body: []string{"has this name already"}},
		{name: "project page", as: "rosa", get: "/projects/1", status: 200, body: []string{"Import", "Export", "Invite labelers", "everyday.jsonl"}, notBody: []string{"alice", "bob"}},
		{name: "a reviewer reads and changes nothing", as: "vera", get: "/projects/1", status: 200, body: []string{"Everyday help", "Being right comes first"},
			notBody: []string{"<h2>Import", "<h2>Export", "Make a link", "Save guidelines", "Save settings", "Run PPO"}},
		{name: "no such project", as: "rosa", get: "/projects/99", status: 404},
		{name: "nonsense address", as: "rosa", get: "/projects/abc", status: 404},
		{name: "guidelines", as: "rosa", post: "/projects/1/guidelines", form: values("instructions", "New *rules*."), status: 303, location: "/projects/1"},
		{name: "settings", as: "rosa", post: "/projects/1/settings", form: values("title", "New title", "overlap", "3", "lease_minutes", "30", "edit_minutes", "10", "archived", "true"), status: 303, location: "/projects/1"},
		{name: "settings out of range", as: "rosa", post: "/projects/1/settings", form: values("title", "T", "overlap", "0", "lease_minutes", "30", "edit_minutes", "10"), status: 422, body: []string{`id="s-overlap-err"`, "0 is not between 1 and 100"}},
		{name: "settings in words", as: "rosa", post: "/projects/1/settings", form: values("title", "T", "overlap", "three", "lease_minutes", "30", "edit_minutes", "10"), status: 422, body: []string{"not a whole number", `value="three"`}},
		{name: "an archived project hands nothing out", as: "alice", before: func(s *scene) {
			s.browsers["rosa"].post("/projects/1/settings", url.Values{"title": {"T"}, "overlap": {"1"}, "lease_minutes": {"30"}, "edit_minutes": {"10"}, "archived": {"true"}})
		}, get: "/tasks", status: 200, body: []string{"No project yet"}},
		{name: "invitation is shown", as: "rosa", post: "/projects/1/invites", form: values("label", "Ana"), status: 200, body: []string{"http://example.com/join/", "shown only now"}, rows: map[string]int{"invites": 1}},
		{name: "invitation is shown once", as: "rosa", before: func(s *scene) { s.browsers["rosa"].post("/projects/1/invites", url.Values{"label": {"Ana"}}) }, get: "/projects/1", status: 200, body: []string{"Ana", "Open", "Revoke"}, notBody: []string{"/join/"}},
		{name: "revoke", as: "rosa", before: func(s *scene) { s.browsers["rosa"].post("/projects/1/invites", nil) }, post: "/projects/1/invites/1/revoke", status: 303, location: "/projects/1"},
		{name: "revoke another project's", as: "rosa", before: func(s *scene) { s.browsers["mira"].post("/users/invites", url.Values{"role": {"admin"}}) }, post: "/projects/1/invites/1/revoke", status: 404},
		{name: "items", as: "rosa", get: "/projects/1/items", status: 200, body: []string{"policy-ppo", "policy-sft", "My mother is 74"}},
		{name: "items beyond the end", as: "rosa", get: "/projects/1/items?from=9999", status: 200},
		{name: "item", as: "rosa", get: "/projects/1/items/1", status: 200, body: []string{"policy-base", "No answers yet"}},
		{name: "another project's item", as: "rosa", get: "/projects/1/items/99", status: 404},
		{name: "export page", as: "rosa", get: "/projects/1/export", status: 200, body: []string{"Export data", "never exported", "Nothing was exported yet"}},
		{name: "export nothing", as: "rosa", post: "/projects/1/export", form: values("format", "trl", "pack", "data"), status: 422, body: []string{"Nothing to export as trl"}},
		{name: "export as nonsense", as: "rosa", post: "/projects/1/export", form: values("format", "parquet", "pack", "data"), status: 422},
		{name: "export packed as nonsense", as: "rosa", before: giveAway, post: "/projects/1/export", form: values("format", "ranked", "pack", "rar"), status: 422},
		{name: "export from no day", as: "rosa", before: giveAway, post: "/projects/1/export", form: values("format", "ranked", "pack", "data", "from", "yesterday"), status: 422, body: []string{"is no date"}},
		{name: "export texts", as: "rosa", post: "/projects/1/export", form: values("format", "completions", "pack", "data"), status: 200, body: []string{`"schema":"completions/1"`, "policy-ppo"}},
		{name: "export answers", as: "rosa", before: giveAway, post: "/projects/1/export", form: values("format", "ranked", "pack", "data"), status: 200, body: []string{`"schema":"ranked/1"`, `"ranks":[1,1,1,1]`}, notBody: []string{"alice", "bob"}},
		{name: "export of another time", as: "rosa", before: giveAway, post: "/projects/1/export", form: values("format", "ranked", "pack", "data", "from", "2099-01-01"), status: 422, body: []string{"Nothing to export"}},
		{name: "only the card", as: "rosa", before: giveAway, post: "/projects/1/export", form: values("format", "hh", "pack", "card"), status: 200, body: []string{`"schema": "card/1"`, `"ties"`}, notBody: []string{"Human:"}},
		{name: "the card for people", as: "rosa", before: giveAway, post: "/projects/1/export", form: values("format", "ranked", "pack", "text", "licence", "CC-BY-4.0"), status: 200, body: []string{"# Everyday help: ranked", "| Licence | CC-BY-4.0 |"}},
		{name: "win rate without answers", as: "rosa", get: "/projects/1/winrate", status: 200, body: []string{"No answer compares"}},
		{name: "win rate of all ties", as: "rosa", before: giveAway, get: "/projects/1/winrate?a=policy-sft&b=policy-ppo", status: 200, body: []string{"50.0\u00a0%", "Not decided", "Wilson"}},
		{name: "quality without answers", as: "vera", get: "/projects/1/quality", status: 200, body: []string{"No answers yet"}, notBody: []string{"<table"}},
		{name: "quality of one person", as: "rosa", before: giveAway, get: "/projects/1/quality", status: 200, body: []string{"by two different people yet"}, notBody: []string{"NaN", ">bob<"}},
		{name: "quality of seven", as: "rosa", before: func(s *scene) { s.answerSome(s.project, 7) }, get: "/projects/1/quality", status: 200,
			body:    []string{"Krippendorff α, ordinal", "Fleiss κ", "left out", "share the mean of their places", "resamples of whole labelers", "not a verdict"},
			notBody: []string{"NaN", ">labeler-0<", "alice", "policy-"}},
		{name: "quality is not for labelers", as: "alice", get: "/projects/1/quality", status: 403, notBody: []string{"Krippendorff"}},
		{name: "quality of no project", as: "rosa", get: "/projects/99/quality", status: 404},
		{name: "leaderboard without answers", as: "vera", get: "/projects/1/leaderboard", status: 200, body: []string{"Nothing to compare yet"}, notBody: []string{"<table"}},
		{name: "leaderboard of all ties", as: "rosa", before: giveAway, get: "/projects/1/leaderboard?baseline=policy-sft", status: 200,
			body: []string{"policy-ppo", "Win rate over policy-sft", "the baseline", "No intervals of strengths", "50.0\u00a0%"}, notBody: []string{"NaN", "bob", "+0.00"}},
		{name: "leaderboard of seven", as: "rosa", before: func(s *scene) { s.answerSome(s.project, 7) }, get: "/projects/1/leaderboard?baseline=nonsense", status: 200,
			body: []string{"Win rate, all others", "resamples of whole labelers"}, notBody: []string{"nonsense", "NaN", ">labeler-0<"}},
		{name: "leaderboard is not for labelers", as: "alice", get: "/projects/1/leaderboard", status: 403, notBody: []string{"policy-"}},
		{name: "launch form", as: "rosa", get: "/runs/new?kind=ppo&project=1", status: 200, body: []string{"kl_coef", "price of one nat", "score/nat", `value="0.1"`, "Everyday help"}},
		{name: "unknown kind", as: "rosa", get: "/runs/new?kind=alchemy", status: 404},
		{name: "scores are of a project's texts", as: "rosa", post: "/runs", form: values("kind", "score", "model", "/p"), status: 422, body: []string{"1 field needs another look", `id="project-err"`}},
		{name: "DPO learns from rankings", as: "rosa", post: "/runs", form: values("kind", "dpo", "policy", "/p"), status: 422, body: []string{"Choose a project, or name a file with rankings"}},
		{name: "launch without inputs", as: "rosa", post: "/runs", form: values("kind", "ppo"), status: 422, body: []string{"2 fields need another look", `id="policy-err"`, `id="reward-err"`}},
		{name: "launch with words for numbers", as: "rosa", post: "/runs", form: values("kind", "ppo", "policy", "/p", "reward", "/r", "set.iterations", "many", "set.kl_coef", "NaN"), status: 422,
			body: []string{"“many” is not a whole number", "“NaN” is not a number", `value="/p"`}},
		{name: "the training refuses", as: "rosa", post: "/runs", form: values("kind", "ppo", "policy", "/p", "reward", "/r", "set.kl_coef", "-1"), status: 422,
			body: []string{`id="set.kl_coef-err">ppo: kl_coef -1 is not between`}},
		{name: "no programs from the browser", as: "rosa", post: "/runs", form: values("kind", "ppo", "policy", "/p", "reward", "exec:rm -rf /"), status: 422, body: []string{"from the command line only"}},
		{name: "reward model without data", as: "rosa", post: "/runs", form: values("kind", "reward", "policy", "/p"), status: 422, body: []string{"Choose a project"}},
		{name: "project that is not", as: "rosa", post: "/runs", form: values("kind", "reward", "policy", "/p", "project", "77"), status: 422, body: []string{"This project does not exist"}},
		{name: "launch", as: "rosa", post: "/runs", form: values("kind", "ppo", "name", "second", "policy", "/p", "reward", "/r", "project", "1", "set.kl_coef", "0.3", "set.iterations", "20"), status: 303, location: "/runs/1", rows: map[string]int{"runs": 1}},
		{name: "runs", as: "rosa", before: func(s *scene) { s.addRun(s.project, 3, 40) }, get: "/runs", status: 200, body: []string{"ppo-one-liners", "Running", "3 / 40"}},
		{name: "run", as: "rosa", before: func(s *scene) { s.addRun(s.project, 31, 40) }, get: "/runs/1", status: 200,
			body: []string{"Reward against √KL", "Over-optimisation", "Show as a table", "objective/kl", "before and after", "kl_coef", "laptop:4711", `data-events="/runs/1/events"`}},
		{name: "stop", as: "rosa", before: func(s *scene) { s.addRun(s.project, 3, 40) }, post: "/runs/1/stop", status: 303, location: "/runs/1"},
		{name: "stop what is over", as: "rosa", before: func(s *scene) {
			r := s.addRun(s.project, 3, 40)
			if err := s.st.FinishRun(context.Background(), r.ID, "laptop:4711", db.RunDone, "done", ""); err != nil {
				s.t.Fatal(err)
			}
		}, post: "/runs/1/stop", status: 404},
		{name: "people", as: "mira", get: "/users", status: 200, body: []string{"alice", "bob", "rosa", "researcher"}},
		{name: "lock somebody out", as: "mira", post: "/users/1/disable", status: 303, location: "/users"},
		{name: "not oneself", as: "mira", post: "/users/4/disable", status: 422, body: []string{"lock yourself out"}},
		{name: "new password", as: "mira", post: "/users/1/reset", status: 200, body: []string{"http://example.com/join/"}, rows: map[string]int{"invites": 1}},
		{name: "unknown role", as: "mira", post: "/users/invites", form: values("role", "god"), status: 422},
	} {
		t.Run(sc.name, sc.run)
	}
}

func TestNoticeIsShownOnce(t *testing.T) {
	s := newScene(t)
	b := s.browsers["rosa"]
	b.post("/projects/1/guidelines", url.Values{"instructions": {"x"}})
	if page := b.get("/projects/1").Body.String(); !strings.Contains(page, "labelers now see version g2") {
		t.Error("the notice is missing")
	}
	if page := b.get("/projects/1").Body.String(); strings.Contains(page, "labelers now see") {
		t.Error("the notice came twice")
	}
}

func TestLockedOutAtOnce(t *testing.T) {
	s := newScene(t)
	s.browsers["mira"].post("/users/1/disable", nil)
	if res := s.browsers["alice"].get("/tasks"); res.Code != 303 || !strings.HasPrefix(res.Header().Get("Location"), "/signin") {
		t.Errorf("alice still gets %d", res.Code)
	}
}

func TestLaunchKeepsOnlyWhatDiffers(t *testing.T) {
	s := newScene(t)
	s.browsers["rosa"].post("/runs", url.Values{"kind": {"ppo"}, "policy": {"/p"}, "reward": {"/r"}, "set.kl_coef": {"0.3"}, "set.iterations": {"20"}, "set.preset": {"tldr"}})
	r := must(s.st.Run(context.Background(), 1))
	if r.Config != `{"kl_coef":0.3,"preset":"tldr"}` || r.Inputs != `{"policy":{"path":"/p"},"reward":{"path":"/r"}}` || r.Status != db.RunQueued {
		t.Errorf("config %s, inputs %s, %s", r.Config, r.Inputs, r.Status)
	}
}

// upload sends a file as the import form does.
func (b *browser) upload(path, name, content string, fields url.Values) *httptest.ResponseRecorder {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for k := range fields {
		w.WriteField(k, fields.Get(k))
	}
	if name != "" {
		f, _ := w.CreateFormFile("file", name)
		io.WriteString(f, content)
	}
	w.Close()
	req := httptest.NewRequest(http.MethodPost, path, &body)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return b.send(req)
}

// TestEventStream reads a finished run's stream: one page, then the end.
func TestEventStream(t *testing.T) {
	s := newScene(t)
	r := s.addRun(s.project, 3, 40)
	if err := s.st.FinishRun(context.Background(), r.ID, "laptop:4711", db.RunFailed, "the disk is full", ""); err != nil {
		t.Fatal(err)
	}
	res := s.browsers["rosa"].get("/runs/1/events")
	if ct := res.Header().Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type %q", ct)
	}
	body := res.Body.String()
	if !strings.HasPrefix(body, "event: page\ndata: ") || !strings.HasSuffix(body, "\n\nevent: end\ndata:\n\n") || strings.Count(body, "event: page") != 1 {
		t.Errorf("stream: %.200s … %s", body, body[max(0, len(body)-60):])
	}
	if !strings.Contains(body, "the disk is full") {
		t.Error("the reason is missing")
	}
	for _, line := range strings.Split(body, "\n") {
		if line != "" && !strings.HasPrefix(line, "data:") && !strings.HasPrefix(line, "event: ") {
			t.Fatalf("a line outside the protocol: %q", line)
		}
	}
}

// TestStreamEndsWithTheServer: an open stream must not hold a shutdown up.
func TestStreamEndsWithTheServer(t *testing.T) {
	s := newScene(t)
	s.addRun(s.project, 3, 40)
	done := make(chan struct{})
	go func() {
		s.browsers["rosa"].get("/runs/1/events")
		close(done)
	}()
	close(s.closing)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream is still open")
	}
}
