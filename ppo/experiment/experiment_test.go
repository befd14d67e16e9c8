package experiment

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/policy"
	"agora/policy/cpu"
	"agora/reward/prefs"
)

func testLab(t *testing.T) *lab {
	t.Helper()
	dev, err := cpu.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	return &lab{dir: t.TempDir(), dev: dev, say: func(string, ...any) {}}
}

// testData is the folder of the large sets; the README says what skips without it.
func testData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("AGORA_TESTDATA")
	if dir == "" {
		dir = "../../../shared"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no test data at %s: set AGORA_TESTDATA", dir)
	}
	return dir
}

// A second start keeps what was made from the same settings and inputs, and nothing else.
func TestLabKeepsWhatIsTheSame(t *testing.T) {
	l := testLab(t)
	file := filepath.Join(t.TempDir(), "in")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	get := func(config int) int {
		n, err := kept(l, "thing", config, map[string]string{"in": file}, func() (int, error) { made++; return made, nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	write("a")
	first, again, other := get(1), get(1), get(2)
	write("b")
	changed := get(1)
	write("a")
	if back := get(1); first != 1 || again != 1 || other != 2 || changed != 3 || back != 1 {
		t.Errorf("%d %d %d %d %d", first, again, other, changed, back)
	}
	if _, err := kept(l, "failing", 1, nil, func() (int, error) { return 0, errors.New("no") }); err == nil {
		t.Error("an error was kept")
	}
}

// An experiment of a few tiny steps, twice: the second time nothing is trained, and the report is the same.
func TestRunTwice(t *testing.T) {
	l := testLab(t)
	corpus := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(corpus, []byte(strings.Repeat("the cat sat on the mat and the dog sat on the cat\n", 40)), 0o644); err != nil {
		t.Fatal(err)
	}
	c := policy.DefaultPretrain()
	s := Settings{"layers": 1, "width": 32, "heads": 2, "kv_heads": 2, "ffn": 64, "context": 16, "vocab": 270, "steps": 3, "batch_sequences": 2, "documents": policy.DocumentLine, "validation": .1}
	if err := policy.LoadConfig(&c, "", policy.Sets(s)); err != nil {
		t.Fatal(err)
	}
	trained := 0
	run := func() string {
		dir, err := l.trained(t.Context(), training{"pretrain", "tiny", c, map[string]string{"data": corpus}}, func(dir string, resume bool, console *policy.Console) (map[string]float64, error) {
			trained++
			r, err := policy.Pretrain(t.Context(), l.dev, c, policy.Job{Data: []string{corpus}, Out: dir, Resume: resume})
			return r.Metrics, err
		})
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := run()
	if run() != dir || trained != 1 {
		t.Errorf("trained %d times", trained)
	}
	weights := filepath.Join(model(dir), "model.safetensors")
	b, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1 // a damaged model is made again
	if err := os.WriteFile(weights, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.trained(t.Context(), training{"pretrain", "tiny", c, map[string]string{"data": corpus}}, func(string, bool, *policy.Console) (map[string]float64, error) {
		return nil, errors.New("asked to train")
	}); err == nil || !strings.Contains(err.Error(), "asked to train") {
		t.Errorf("a damaged model was taken: %v", err)
	}
}

func TestReport(t *testing.T) {
	r := newReport("x", "Title", "that it shows")
	r.table([]string{"a", "b"}, [][]string{{"1", "2"}})
	r.samples([]string{"SFT", "PPO"}, []string{"one *star*"}, []string{"two\nlines"})
	r.verdict(false, "It was %d.", 3)
	r.Made = made{Command: "agora experiment run x", Runs: 3, Seconds: 90, Workers: []int{1, 2}, Unknown: 1}
	text := r.markdown()
	for _, want := range []string{"# Title", "**It does not hold here.** It was 3.", "| a | b |\n|---|---:|\n| 1 | 2 |", `one \*star\*`, "two lines", "`agora experiment run x`", "The 3 trainings behind it took 1m30s", "1 or 2 worker threads (not written down for 1 of them)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.json")); err != nil {
		t.Error(err)
	}
}

// Reports are written into folders of the experiments' names: a model in one would change with its report,
// and a second start train everything again.
func TestModelsAndReportsLieApart(t *testing.T) {
	l := testLab(t)
	if err := os.Mkdir(l.path("smollm2-135m-instruct"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := importSmol(l, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range experiments {
		if dir == l.path(e.name) {
			t.Errorf("%s has a model where its report goes", e.name)
		}
	}
}

func TestFinalNumber(t *testing.T) {
	for text, want := range map[string]string{"She has 3.\n#### 72": "72", "#### $1,200 ": "1200", "#### -3.5": "-3.5", "72": "", "#### 3 apples": "", "####": "", "#### 3\n#### 4": "4"} {
		if got, _ := finalNumber(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestFirstSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"One. Two! Three?", 9, "One. Two!"}, {"One. Two! Three?", 99, "One. Two! Three?"}, {"No end here", 99, ""}, {"About 3.5 parts. More", 99, "About 3.5 parts."}, {"Too long to fit.", 5, ""},
	} {
		if got := firstSentences(c.text, c.most); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// Pieces are whole sentences, no longer and no shorter than agreed, and none is lost that fits.
func TestPieces(t *testing.T) {
	long, short := strings.Repeat("x", longestAnswer)+".", "Too short."
	a, b, c := strings.Repeat("a", 80)+".", strings.Repeat("b", 60)+"!", strings.Repeat("c", 40)+"?"
	got := pieces(strings.Join([]string{a, b, c, long, short, long, c, short, "no end"}, "  "))
	if want := []string{a + " " + b, c, c + " " + short}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The rankings of the two tastes say what their names promise, and reweighing makes them equal.
func TestTastes(t *testing.T) {
	q := []question{{Query: "What?", pieces: map[string][]string{
		"normal": {"a."}, "academy": {"b.", "b."}, "business": {"c.", "c.", "c.", "c."}, "entertainment": {"d.", "d.", "d.", "d.", "d."}, "literature": {"e.", "e.", "e.", "e."},
	}}}
	weight := map[string]float64{}
	lines := 0
	for r, err := range tasteRankings(q, tastes, true) {
		if err != nil {
			t.Fatal(err)
		}
		line := r.(*prefs.Ranked)
		if err := line.Validate(); err != nil {
			t.Fatal(err)
		}
		lines++
		taste := *line.Groups["taste"]
		weight[taste] += line.WeightOr1()
		best := map[string]string{"lively": "entertainment", "earnest": "literature"}[taste]
		at := slices.IndexFunc(line.Completions, func(c prefs.Completion) bool { return c.ID == best })
		if *line.Ranks[at] != 1 {
			t.Errorf("%s ranks %s %d", taste, best, *line.Ranks[at])
		}
	}
	if lines != 4 || weight["lively"] != weight["earnest"] {
		t.Errorf("%d lines, weights %v", lines, weight)
	}
}

// The foreign sets are read whole, with the shares and numbers that their documentation gives.
func TestReadForeignSets(t *testing.T) {
	data := testData(t)
	all, err := readArguments(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 73956 || labelers(all) != 3793 {
		t.Errorf("UKPConvArg1: %d judgments by %d labelers, want 73,956 by 3,793", len(all), labelers(all))
	}
	byFold := make([]int, folds)
	for _, j := range all {
		byFold[j.labeler]++
	}
	for f, n := range byFold {
		if n < len(all)/10 {
			t.Errorf("fold %d has %d judgments", f, n)
		}
	}
	marks, err := readOffensiveness(data)
	if err != nil || len(marks) != 11838 {
		t.Errorf("POPQUORN: %d ratings, %v", len(marks), err)
	}
	lines := pairUp(marks, 5, 1)
	train, test := splitRaters(lines)
	if len(train) == 0 || len(test) == 0 || slices.ContainsFunc(test, func(r *prefs.Ranked) bool { return bits(r.Worker)%5 != 0 }) {
		t.Errorf("%d and %d comparisons", len(train), len(test))
	}
	sarcasm, err := readSarcasm(data)
	if err != nil || len(sarcasm) < 2000 {
		t.Errorf("CSC: %d marks, %v", len(sarcasm), err)
	}
	questions, err := readQuestions(data)
	if err != nil || len(questions) < 500 {
		t.Errorf("registers: %d questions, %v", len(questions), err)
	}
	pairs, err := readChat(data)
	sets := map[string]int{}
	for _, p := range pairs {
		sets[p.set]++
	}
	if err != nil || len(sets) != 4 {
		t.Errorf("comparisons by set: %v, %v", sets, err)
	}
	for _, p := range pairs {
		if strings.Contains(p.prompt, "Human:") || strings.Contains(p.a, "Assistant:") {
			t.Fatalf("a transcript was not taken apart: %q", p.prompt)
		}
	}
	sums, err := readSums(data, "train.jsonl.gz", 100)
	if err != nil || len(sums) != 100 || sums[0].Answer != "72" {
		t.Errorf("GSM8K: %d, %v", len(sums), err)
	}
}
