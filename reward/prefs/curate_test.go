package prefs

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// curated runs a curation over lines and returns what is kept, or the first error.
func curated(c Curation, text string) ([]Record, *Curated, error) {
	records, report := c.Apply("in.jsonl", Source{Name: "in.jsonl"}.Decode(strings.NewReader(text)))
	var kept []Record
	for r, err := range records {
		if err != nil {
			return kept, report, err
		}
		kept = append(kept, r)
	}
	return kept, report, nil
}

// idsOf are the prompt ids of records, in order.
func idsOf(records []Record) string {
	var ids []string
	for _, r := range records {
		ids = append(ids, PromptOf(r).PromptID)
	}
	return strings.Join(ids, " ")
}

func promptLine(id, text, user string) string {
	return fmt.Sprintf(`{"schema":"prompt/1","prompt_id":%q,"prompt":%q,"source_user":%q}`+"\n", id, text, user)
}

func demoLine(id, text, worker string) string {
	return fmt.Sprintf(`{"schema":"demo/1","prompt_id":%q,"prompt":%q,"completion":"x","worker":%q}`+"\n", id, text, worker)
}

func rankedLine(id, text, worker string) string {
	return fmt.Sprintf(`{"schema":"ranked/1","prompt_id":%q,"prompt":%q,"completions":[{"id":"a","text":"x"},{"id":"b","text":"y"}],"ranks":[1,2],"worker":%q}`+"\n", id, text, worker)
}

func TestCurate(t *testing.T) {
	for _, c := range []struct {
		name string
		c    Curation
		in   string
		want string // ids that are kept
		left string // what is said of the others
	}{
		{"prefix", Curation{Prefix: 4}, promptLine("1", "abcdX", "") + promptLine("2", "abcdY", "") + promptLine("3", "abceX", "") + promptLine("4", "abcd", ""), "1 3",
			"2 records of a prompt whose first 4 characters are those of an earlier one"},
		{"shorter ones only if they are the same", Curation{Prefix: 4}, promptLine("1", "abc", "") + promptLine("2", "abcd", "") + promptLine("3", "ab", "") + promptLine("4", "abc", ""), "1 2 3",
			"1 record of a prompt that was there already"},
		{"characters, not bytes", Curation{Prefix: 3}, promptLine("1", "äöüX", "") + promptLine("2", "äöüY", "") + promptLine("3", "äöuX", ""), "1 3",
			"1 record of a prompt whose first 3 characters"},
		{"several rankings of a prompt stay", Curation{Prefix: 3}, rankedLine("1", "abcX", "a") + rankedLine("1", "abcX", "b") + rankedLine("2", "abcY", "a") + rankedLine("1", "abcX", "c"), "1 1 1",
			"1 record of a prompt whose first 3 characters"},
		{"a system turn is no prefix", Curation{Prefix: 3},
			`{"schema":"prompt/1","prompt_id":"1","prompt":[{"role":"system","content":"Be kind."},{"role":"user","content":"Sky?"}]}` + "\n" +
				`{"schema":"prompt/1","prompt_id":"2","prompt":[{"role":"system","content":"Be kind."},{"role":"user","content":"Sea?"}]}` + "\n" +
				`{"schema":"prompt/1","prompt_id":"3","prompt":[{"role":"system","content":"Be terse."},{"role":"user","content":"Sky now?"}]}`, "1 2", "1 record"},
		{"per user", Curation{PerUser: 2}, promptLine("1", "a", "u") + promptLine("2", "b", "v") + promptLine("3", "c", "u") + promptLine("4", "d", "u") + promptLine("5", "e", "v") + promptLine("6", "f", "u"), "1 2 3 5",
			"2 records beyond 2 prompts of a user (1 user)"},
		{"a user's known prompt stays", Curation{PerUser: 1}, rankedLine("1", "a", "w") + rankedLine("2", "b", "w") + rankedLine("1", "a", "w"), "1 1", "1 record beyond 1 prompt of a user"},
		{"what a limit leaves out keeps no other out", Curation{Prefix: 2, PerUser: 1}, promptLine("1", "aaa", "u") + promptLine("2", "bbb", "u") + promptLine("3", "bbc", "v"), "1 3", "1 record beyond"},
		{"what a prefix leaves out does not count for the user", Curation{Prefix: 2, PerUser: 1}, promptLine("1", "aaa", "u") + promptLine("2", "aab", "v") + promptLine("3", "bbb", "v"), "1 3", "1 record of a prompt"},
		{"demonstrations by worker", Curation{PerUser: 1}, demoLine("1", "a", "w") + demoLine("2", "b", "w") + demoLine("3", "c", "x"), "1 3", "1 record beyond"},
		{"another member", Curation{PerUser: 1, UserField: "org"}, `{"schema":"completions/1","prompt_id":"1","prompt":"a","completions":[{"id":"c","text":"x"}],"org":7}` + "\n" +
			`{"schema":"completions/1","prompt_id":"2","prompt":"b","completions":[{"id":"c","text":"x"}],"org":7}` + "\n" +
			`{"schema":"completions/1","prompt_id":"3","prompt":"c","completions":[{"id":"c","text":"x"}],"org":"seven"}`, "1 3", "1 record beyond"},
		{"a column of another format", Curation{PerUser: 1, UserField: "org"}, `{"prompt":"a","prompt_id":"1","chosen":"x","rejected":"y","org":"o"}` + "\n" +
			`{"prompt":"b","prompt_id":"2","chosen":"x","rejected":"y","org":"o"}`, "1", "1 record beyond"},
		{"comparisons by worker", Curation{PerUser: 1}, `{"prompt":"a","prompt_id":"1","chosen":"x","rejected":"y","worker":"w"}` + "\n" +
			`{"prompt":"b","prompt_id":"2","chosen":"x","rejected":"y","worker":"w"}`, "1", "1 record beyond"},
	} {
		kept, report, err := curated(c.c, c.in)
		left, _ := report.Lines()
		if err != nil || idsOf(kept) != c.want || !strings.Contains(strings.Join(left, "; "), c.left) {
			t.Errorf("%s: kept %s and left out %q (%v), want %s and %q", c.name, idsOf(kept), left, err, c.want, c.left)
		}
		if n := strings.Count(strings.TrimSpace(c.in), "\n") + 1; report.Read != n || report.Kept != len(kept) || report.Kept+report.SharedPrefix+report.Repeated+report.OverLimit != n {
			t.Errorf("%s: the counts of %d records do not add up: %+v", c.name, n, report)
		}
	}
}

func TestCurateRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		c    Curation
		in   string
		want string
	}{
		{"prompt", Curation{PerUser: 1}, promptLine("1", "a", "u") + `{"schema":"prompt/1","prompt_id":"2","prompt":"b"}`, "in.jsonl:2: field source_user: is missing: it names the user for --per-user"},
		{"ranking", Curation{SplitByUser: true}, rankedLine("1", "a", ""), "in.jsonl:1: field worker: is missing"},
		{"transcripts", Curation{PerUser: 1}, `{"chosen":"\n\nHuman: A\n\nAssistant: x","rejected":"\n\nHuman: A\n\nAssistant: y"}`, "in.jsonl:1: field worker: is missing"},
		{"another member", Curation{PerUser: 1, UserField: "org"}, promptLine("1", "a", "u"), "in.jsonl:1: field org: is missing"},
		{"no name", Curation{PerUser: 1, UserField: "org"}, `{"schema":"prompt/1","prompt_id":"2","prompt":"b","org":[1]}`, "in.jsonl:1: field org: must be a string or a whole number to name the user, is a list"},
		{"broken", Curation{Prefix: 3}, promptLine("1", "a", "u") + "{", "in.jsonl:2: broken JSON"},
	} {
		if _, _, err := curated(c.c, c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	for want, c := range map[string]Curation{
		"--dedup-prefix -1": {Prefix: -1}, "--per-user -2": {PerUser: -2}, "--validation 0.5 and --test 0.5": {SplitByUser: true, Validation: .5, Test: .5},
		"--validation -0.1": {Validation: -.1}, "--user-field is for": {Prefix: 3, UserField: "org"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", c, err, want)
		}
	}
}

// randomLines are prompts, demonstrations or rankings by some users, with prompts of few letters so
// that many begin alike.
func randomLines(rng *rand.Rand) string {
	var b strings.Builder
	users := rng.IntN(12) + 1
	line := []func(id, text, user string) string{promptLine, demoLine, rankedLine}[rng.IntN(3)]
	for i := range rng.IntN(120) + 1 {
		text := make([]byte, rng.IntN(7)+1)
		for k := range text {
			text[k] = "abc"[rng.IntN(3)]
		}
		b.WriteString(line(fmt.Sprint("p", i), string(text), fmt.Sprint("u", rng.IntN(users))))
	}
	return b.String()
}

// keptSlowly decides by comparing every prompt with every one that is kept.
func keptSlowly(c Curation, in string) string {
	var ids []string
	texts, ofUser := map[string]bool{}, map[[2]string]bool{}
records:
	for r, err := range Decode(strings.NewReader(in), "in", Auto) {
		if err != nil {
			return err.Error()
		}
		text := PromptOf(r).Prompt[0].Content
		user, _ := userOf(r, "")
		for other := range texts {
			alike := len(text) >= c.Prefix && strings.HasPrefix(other, text[:c.Prefix])
			if _, single := r.(*Prompt); alike && other != text || single && other == text {
				continue records
			}
		}
		n := 0
		for key := range ofUser {
			if key[0] == user && key[1] != text {
				n++
			}
		}
		if n >= c.PerUser {
			continue
		}
		texts[text], ofUser[[2]string{user, text}] = true, true
		ids = append(ids, PromptOf(r).PromptID)
	}
	return strings.Join(ids, " ")
}

// TestCurateProperties: of what is kept, no two prompts begin alike, no user has more than the limit, no
// user is in two splits; order and text are those of the input; and nothing is left out without need, as
// keptSlowly decides.
func TestCurateProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dropped, splits := 0, map[string]int{}
	for range 120 {
		in := randomLines(rng)
		c := Curation{Prefix: rng.IntN(5) + 1, PerUser: rng.IntN(6) + 1, SplitByUser: true, Validation: .2, Test: .2, Seed: rng.Uint64()}
		kept, report, err := curated(c, in)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := idsOf(kept), keptSlowly(c, in); got != want {
			t.Fatalf("%+v keeps %s of\n%swant %s", c, got, in, want)
		}
		again, _, _ := curated(c, in)
		if a, b := encode(kept), encode(again); string(a) != string(b) {
			t.Fatal("the same input gives another output")
		}
		dropped += report.Read - report.Kept
		begins, ofUser, splitOf := map[string]string{}, map[string]map[string]bool{}, map[string]string{}
		order := slices.Collect(strings.Lines(in))
		for _, r := range kept {
			text := PromptOf(r).Prompt[0].Content
			begin := text
			if len(text) >= c.Prefix {
				begin = text[:c.Prefix] + "…"
			}
			if other, ok := begins[begin]; ok && other != text {
				t.Fatalf("%q and %q are both kept, prefix %d", other, text, c.Prefix)
			}
			begins[begin] = text
			user, err := userOf(r, "")
			if err != nil {
				t.Fatal(err)
			}
			if ofUser[user] == nil {
				ofUser[user] = map[string]bool{}
			}
			if ofUser[user][text] = true; len(ofUser[user]) > c.PerUser {
				t.Fatalf("%s has %d prompts, limit %d", user, len(ofUser[user]), c.PerUser)
			}
			split := PromptOf(r).Split
			if was, ok := splitOf[user]; ok && was != split {
				t.Fatalf("%s is in %s and %s", user, was, split)
			}
			splitOf[user] = split
			splits[split]++
			for len(order) > 0 && !strings.Contains(order[0], fmt.Sprintf("%q", PromptOf(r).PromptID)) {
				order = order[1:]
			}
			if len(order) == 0 || !strings.Contains(order[0], fmt.Sprintf("%q", text)) {
				t.Fatalf("%s is out of order or another text", PromptOf(r).PromptID)
			}
		}
		if len(ofUser) != report.Users || len(kept) != report.Kept {
			t.Fatalf("%d users and %d records, the report says %+v", len(ofUser), len(kept), report)
		}
	}
	if dropped < 1000 || splits["train"] < 300 || splits["validation"] < 100 || splits["test"] < 100 {
		t.Errorf("%d left out, splits %v: the test says little", dropped, splits)
	}
}

// TestSplitByUser: shares are about those asked for; a user is on the same side in every file and kind
// of record; and prompts that several sides share are counted.
func TestSplitByUser(t *testing.T) {
	c := Curation{SplitByUser: true, Validation: .2, Test: .1, Seed: 3}
	var prompts, rankings strings.Builder
	for i := range 2000 {
		prompts.WriteString(promptLine(fmt.Sprint(i), fmt.Sprint("prompt ", i), fmt.Sprint("u", i)))
		rankings.WriteString(rankedLine(fmt.Sprint(i%500), fmt.Sprint("prompt ", i%500), fmt.Sprint("u", i)))
	}
	a, report, err := curated(c, prompts.String())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"train": 1400, "validation": 400, "test": 200} {
		if s := report.Splits[name]; s.Users != s.Records || s.Users < want-60 || s.Users > want+60 {
			t.Errorf("%s has %+v, want about %d", name, s, want)
		}
	}
	b, straddling, err := curated(c, rankings.String())
	if err != nil {
		t.Fatal(err)
	}
	several := map[string]map[string]bool{}
	for i := range a {
		if PromptOf(a[i]).Split != PromptOf(b[i]).Split {
			t.Fatalf("user %d is in %s and %s", i, PromptOf(a[i]).Split, PromptOf(b[i]).Split)
		}
		id := PromptOf(b[i]).PromptID
		if several[id] == nil {
			several[id] = map[string]bool{}
		}
		several[id][PromptOf(b[i]).Split] = true
	}
	want := 0
	for _, s := range several {
		if len(s) > 1 {
			want++
		}
	}
	if report.Straddling != 0 || straddling.Straddling != want || want == 0 {
		t.Errorf("%d and %d prompts in several splits, want 0 and %d", report.Straddling, straddling.Straddling, want)
	}
}

// TestSplitIsWritten: the split is in the rows of every format, also of rows that came with another.
func TestSplitIsWritten(t *testing.T) {
	for _, c := range []struct {
		to Format
		in string
	}{
		{FormatPrompt, `{"schema":"prompt/1","prompt_id":"1","prompt":"a","source_user":"u","split":"old"}`},
		{FormatDemo, demoLine("1", "a", "w")},
		{FormatRanked, rankedLine("1", "a", "w")},
		{FormatCompletions, `{"schema":"completions/1","prompt_id":"1","prompt":"a","completions":[{"id":"c","text":"x"}],"source_user":"u","split":""}`},
		{FormatTRL, `{"prompt":"a","chosen":"x","rejected":"y","worker":"w","split":"old"}`},
		{FormatTRL, `{"prompt":"a","chosen":"x","rejected":"y","worker":"w"}`},
		{FormatTRL, `{"prompt":"a","completion":"x","worker":"w","split":"old"}`},
		{FormatTRLImplicit, `{"chosen":"a x","rejected":"a y","worker":"w"}`},
		{FormatHH, `{"chosen":"\n\nHuman: A\n\nAssistant: x","rejected":"\n\nHuman: A\n\nAssistant: y","worker":"w"}`},
	} {
		records, _ := Curation{SplitByUser: true, Validation: .999}.Apply("in", Source{Name: "in"}.Decode(strings.NewReader(c.in)))
		out := there(t, c.to, records)
		if strings.Count(out, `"split":`) != strings.Count(out, `"split":"validation"`) || !strings.Contains(out, `"split":"validation"`) {
			t.Errorf("%s: %s gave %s", c.to, c.in, out)
		}
	}
}

// TestConvertCurates runs the command: rows, card and what is printed.
func TestConvertCurates(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.jsonl")
	var text strings.Builder
	for i := range 40 {
		text.WriteString(promptLine(fmt.Sprint(i), fmt.Sprintf("%02d begins so", i/2), fmt.Sprint("u", i%8)))
	}
	if err := os.WriteFile(in, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := ConvertCmd{From: "auto", To: "prompt", In: in, Out: out, curateFlags: curateFlags{DedupPrefix: 2, PerUser: 4, SplitBy: "user", Validation: .3, Test: .3}}
	if err := cmd.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(CardPath(out))
	if err != nil {
		t.Fatal(err)
	}
	var card Card
	if err := json.Unmarshal(data, &card); err != nil {
		t.Fatal(err)
	}
	c := card.Curated
	if c == nil || c.Read != 40 || c.Repeated != 16 || c.OverLimit != 4 || c.Kept != 20 || card.Rows != 20 || c.Users != 8 { // of 20 prompts by two users each
		t.Errorf("card %s", data)
	}
	var printed strings.Builder
	if err := cmd.report(&printed, &card); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"20 rows from 20 records", "left out: 16 records of a prompt that was there already", "left out: 4 records beyond 4 prompts of a user (4 users)", "\n  train: "} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("no %q in %s", want, printed.String())
		}
	}
	if md := card.Markdown("x"); !strings.Contains(md, "- 4 records beyond") || !strings.Contains(md, "## Split by user\n\n- train: ") || strings.Contains(md, "Nothing.") {
		t.Error(md)
	}
	cmd.PerUser = -1
	if err := cmd.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--per-user -1") {
		t.Errorf("got %v", err)
	}
}

// TestCurateStreams: a record is there before the next one is read.
func TestCurateStreams(t *testing.T) {
	read := 0
	rows := iter.Seq2[Row, error](func(yield func(Row, error) bool) {
		for i := range 10 {
			read++
			if !yield(Row{Record: &Prompt{PromptID: fmt.Sprint(i), Prompt: Plain(fmt.Sprint(i)), SourceUser: "u"}}, nil) {
				return
			}
		}
	})
	records, _ := Curation{Prefix: 1}.Apply("in", rows)
	for range records {
		if read == 3 {
			break
		}
	}
	if read != 3 {
		t.Errorf("%d records were read for 3", read)
	}
}
