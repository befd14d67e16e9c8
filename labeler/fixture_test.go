package labeler

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"time"

	"agora/db"
)

// Invented, inoffensive texts for tests and screenshots.

// sourdough has four completions by three policies, of different length and form.
var sourdough = db.NewItem{
	PromptID: "sourdough", Lang: "en",
	Prompt: []db.Message{{Role: "user", Content: "My mother is 74, cooks well, but has only just started baking. She will be away for three weeks. How does she keep her sourdough starter alive? Please explain it so that she is not put off."}},
	Completions: []db.NewCompletion{
		{ExtID: "c1", Policy: "policy-ppo", Text: "The kindest thing to do before a long trip is to slow the starter down, not to keep feeding it.\n\n1. Two days before leaving, feed it as usual and let it rise once.\n2. Feed it again, but stiffer: twice as much flour as water by weight. It should feel like soft dough.\n3. Put it in a clean jar, lid resting on top, and straight into the fridge.\n\nThree weeks in the cold is well within what it can take. When she is back, throw away all but a spoonful and feed it at room temperature, morning and evening, until it doubles in about six hours."},
		{ExtID: "c2", Policy: "policy-sft", Text: "A starter needs feeding every day, so three weeks is a problem. She could ask a neighbour to feed it, or dry some on baking paper as a backup.\n\nTo dry it: spread it thinly, leave it a day or two until it flakes, and keep the flakes in a jar. To wake it, soak a spoonful in warm water, then feed."},
		{ExtID: "c3", Policy: "policy-ppo", Text: "She can simply leave it in the fridge. Think of it as a pot plant that goes dormant in winter.\n\n- **Before:** feed it, wait an hour, then refrigerate with the lid loose.\n- **During:** nothing. A grey liquid may collect on top. That is only a sign of hunger; pour it off or stir it in.\n- **After:** feed it twice a day until it is lively again.\n\nIf she ever sees pink or orange streaks, it has spoiled and should be thrown away."},
		{ExtID: "c4", Policy: "policy-base", Text: "Great question! Sourdough starters are living cultures of yeast and bacteria, and they are fascinating. Put it in the fridge and feed it when you return. Happy baking!"},
	},
}

// beekeeper, plants and bicycle are shorter ones.
var (
	beekeeper = shortItem("beekeeper", "Suggest a quiet birthday present for a neighbour who keeps bees.",
		"A packet of wildflower seeds that bloom late in the year, when bees find little.", "A small jar of honey from another region, or a book about bees.",
		"A candle.", "Beeswax wraps, which she can mend with her own wax.")
	plants = shortItem("plants", "Which plants survive on a north-facing windowsill?",
		"Cast-iron plant, mother-in-law's tongue and most ferns.", "Cacti, because they need nothing.", "Ferns like it there. Turn the pot once a week.", "Try a plant.")
	bicycle = shortItem("bicycle", "How often should I oil a bicycle chain?",
		"Every 200 km, or when it squeaks, and after rain. Wipe off what you can see.", "Once a year is plenty.", "When it looks dry.", "Oil attracts dirt, so never.")
)

func shortItem(id, prompt string, texts ...string) db.NewItem {
	it := db.NewItem{PromptID: id, Lang: "en", Prompt: []db.Message{{Role: "user", Content: prompt}}}
	for i, t := range texts {
		it.Completions = append(it.Completions, db.NewCompletion{ExtID: fmt.Sprintf("c%d", i+1), Text: t,
			Policy: []string{"policy-ppo", "policy-sft", "policy-base", "policy-ppo"}[i]})
	}
	return it
}

// logfile is a conversation of several turns with code, for the pairwise page.
var logfile = db.NewItem{
	PromptID: "logfile", Lang: "en",
	Prompt: []db.Message{
		{Role: "user", Content: "I have a text log where every line starts with a user name. How do I find the five most active users with Python?"},
		{Role: "assistant", Content: "How large is the file, roughly?"}, {Role: "user", Content: "About 40 GB."}},
	Completions: []db.NewCompletion{
		{ExtID: "c1", Policy: "policy-ppo", Text: "Read the file once and count as you go. A dictionary is enough; `Counter` does the bookkeeping for you.\n\n```python\nfrom collections import Counter\n\nwith open(\"log.txt\", encoding=\"utf-8\") as f:\n    counts = Counter(line.split()[0] for line in f if line.strip())\n\nfor name, n in counts.most_common(5):\n    print(f\"{n:6}  {name}\")\n```\n\nThis keeps only the names in memory, so the size of the file does not matter."},
		{ExtID: "c2", Policy: "policy-sft", Text: "You can use pandas for this:\n\n```python\nimport pandas as pd\n\ndf = pd.read_csv(\"log.txt\", sep=\" \", header=None)\nprint(df[0].value_counts().head(5))\n```\n\nNote that pandas loads the whole file into memory. For a very large log, read it in chunks instead."},
	},
}

// completionsFile is the items as an upload in completions/1.
func completionsFile(items ...db.NewItem) string {
	var b strings.Builder
	for _, it := range items {
		line := map[string]any{"schema": "completions/1", "prompt_id": it.PromptID, "prompt": it.Prompt}
		var texts []map[string]any
		for _, c := range it.Completions {
			texts = append(texts, map[string]any{"id": c.ExtID, "text": c.Text, "policy": c.Policy})
		}
		line["completions"] = texts
		text, err := json.Marshal(line)
		if err != nil {
			panic(err)
		}
		b.Write(append(text, '\n'))
	}
	return b.String()
}

// addProject makes a project with some items.
func (s *testSite) addProject(name, title, kind string, k int, items ...db.NewItem) db.Project {
	s.t.Helper()
	ctx := context.Background()
	p := db.DefaultProject(name)
	p.Title, p.Kind, p.K = title, kind, k
	p.Instructions = "Rank by what you would rather have received as the person who asked.\n\n- Being right comes first.\n- Then being easy to follow.\n- Length in itself is worth nothing."
	p, err := s.st.CreateProject(ctx, p)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range items {
		items[i].Queue = true
	}
	if _, err := s.st.AddItems(ctx, p.ID, 0, name+".jsonl", items); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// join makes somebody a labeler of a project.
func (s *testSite) join(p db.Project, name string) db.User {
	s.t.Helper()
	u := s.addUser(name, db.RoleLabeler)
	if _, err := s.st.Join(context.Background(), p.ID, u.ID); err != nil {
		s.t.Fatal(err)
	}
	return u
}

// addRun makes a PPO run with n steps of plausible, invented numbers, the judge turning down at the end.
func (s *testSite) addRun(p db.Project, n, total int) db.Run {
	s.t.Helper()
	ctx := context.Background()
	r, err := s.st.CreateRun(ctx, db.Run{Kind: "ppo", Name: "ppo-one-liners", ProjectID: p.ID, Config: `{"kl_coef":0.03,"iterations":40,"seed":2}`,
		Inputs: `{"policy":{"path":"/runs/sft-1/policy"},"reward":{"path":"/runs/reward-2/model"},"judge":{"path":"/runs/judge-3/model"}}`})
	if err != nil {
		s.t.Fatal(err)
	}
	if r, err = s.st.ClaimRun(ctx, "laptop:4711"); err != nil {
		s.t.Fatal(err)
	}
	var metrics []db.Metric
	var samples []db.Sample
	for i := range n {
		x := float64(i) / float64(total)
		noise := func(k float64) float64 { return .06 * math.Sin(float64(i)*k) }
		kl := 12 * math.Pow(x, 1.3)
		for name, v := range map[string]float64{
			"objective/reward_raw": 2.4*(1-math.Exp(-4*x)) + noise(2.1), "objective/judge": 1.3*(1-math.Exp(-6*x)) - 1.1*x*x + noise(1.3),
			"objective/kl": kl + noise(3), "objective/kl_sqrt": math.Sqrt(math.Max(0, kl)), "loss/policy_avg": -.02 + noise(1.7)/4, "loss/value_avg": .8*math.Exp(-3*x) + .2 + noise(2.9),
			"val/length": 15 + 2*x + noise(1.1)*6, "policy/entropy_avg": 3.1 - .6*x + noise(2.3), "val/distinct": 1 - .02*x, "val/distinct_1": .31 - .05*x + noise(1.9)/9, "val/distinct_2": .82 - .1*x + noise(2.2)/9, "val/eos_rate": .93 + noise(2.7)/2, "lr": 1e-3, "episode": float64(128 * (i + 1)),
			"policy/clipfrac_avg": .08 + noise(2)/4,
		} {
			metrics = append(metrics, db.Metric{RunID: r.ID, Step: int64(i), Name: name, Value: v})
		}
		if i == 0 || i == n-1 {
			samples = append(samples, inventedSamples(r.ID, int64(i), i > 0)...)
		}
	}
	if err := s.st.Append(ctx, metrics, samples); err != nil {
		s.t.Fatal(err)
	}
	if err := s.st.Heartbeat(ctx, r.ID, "laptop:4711", int64(n), int64(total), "sampling 128 responses"); err != nil {
		s.t.Fatal(err)
	}
	return r
}

func inventedSamples(run, step int64, after bool) []db.Sample {
	texts := map[string][2]string{
		"My umbrella":      {"My umbrella is a thing that I have in the house and it is good.", "My umbrella and I have an agreement: it stays dry at home, and I do not."},
		"The trouble with": {"The trouble with the day is that it is a day.", "The trouble with early mornings is that they start before I do."},
	}
	var out []db.Sample
	i := 0
	for _, prompt := range []string{"My umbrella", "The trouble with"} {
		pair := texts[prompt]
		row := map[string]any{"prompt": prompt, "completion": pair[0], "reward": -.31, "judge": .02, "tokens": 14}
		if after {
			row = map[string]any{"prompt": prompt, "completion": pair[1], "reward": 2.21, "judge": .94, "tokens": 17}
		}
		b, _ := json.Marshal(row)
		out = append(out, db.Sample{RunID: run, Step: step, Idx: i, Data: string(b)})
		i++
	}
	return out
}

// taskOf hands a labeler a task and returns its address.
func (s *testSite) taskOf(p db.Project, u db.User) string {
	s.t.Helper()
	t, err := s.st.Next(context.Background(), p.ID, u.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return "/tasks/" + t.Lease.ID
}

// halfRanked leaves a draft in which the last completion has no rank.
func (s *testSite) halfRanked(u db.User, path string) {
	s.t.Helper()
	lease := strings.TrimPrefix(path, "/tasks/")
	t, err := s.st.Task(context.Background(), u.ID, lease)
	if err != nil {
		s.t.Fatal(err)
	}
	ranks := map[string]int{}
	for i, c := range t.Completions[:len(t.Completions)-1] {
		ranks[c.Key] = []int{1, 2, 1}[i%3]
	}
	two := 6
	r := db.Ranking{Ranks: ranks, Confidence: &two, Note: "A and C are equally usable."}
	if _, err := s.st.SaveDraft(context.Background(), u.ID, lease, r); err != nil {
		s.t.Fatal(err)
	}
}

// answerSome lets n labelers rank every item of a project, mostly preferring policy-ppo.
func (s *testSite) answerSome(p db.Project, n int) {
	s.t.Helper()
	ctx := context.Background()
	p.Overlap = n + 1
	p, err := s.st.UpdateProject(ctx, 0, p)
	if err != nil {
		s.t.Fatal(err)
	}
	for l := range n {
		u := s.join(p, fmt.Sprintf("labeler-%d", l))
		for i := 0; ; i++ {
			t, err := s.st.Next(ctx, p.ID, u.ID)
			if err != nil {
				break
			}
			ranks := map[string]int{}
			d, err := s.st.ItemDetail(ctx, p.ID, t.ItemID)
			if err != nil {
				s.t.Fatal(err)
			}
			for j, c := range d.Completions {
				ranks[c.Key] = 1 + (j*(1+(l+i)%3)+(l*i)%2)%4
			}
			sure := 3 + 3*(l%3)
			s.st.Clock.Advance(47 * time.Second)
			if _, err := s.st.Submit(ctx, u.ID, t.Lease.ID, db.Ranking{Ranks: ranks, Confidence: &sure}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// testSchema stands for `agora config schema`, which a test binary does not have.
func testSchema(_ context.Context, kind string, sets ...string) ([]ConfigField, error) {
	for _, set := range sets {
		if set == "kl_coef=-1" {
			return nil, &SettingError{"ppo: kl_coef -1 is not between 0 and +Inf"}
		}
	}
	f := func(name, typ, unit, def, help string) ConfigField {
		return ConfigField{Name: name, Type: typ, Unit: unit, Default: json.RawMessage(def), Help: help}
	}
	return []ConfigField{
		f("preset", "string", "default|instructgpt|tldr", `"default"`, "the published run whose settings are the defaults"),
		f("iterations", "int", "iterations", "20", "rollouts, each followed by its updates"),
		f("episodes", "int", "responses", "128", "responses sampled in one iteration"),
		f("kl_coef", "float", "score/nat", "0.1", "β, the price of one nat"),
		f("learning_rate", "float", "1/step", "0.001", "peak rate of the policy"),
		f("whiten_advantages", "string", "off|population|bessel", `"population"`, "scale advantages to mean 0 and variance 1"),
		f("ignore_prompt", "bool", "", "false", "score completions without their prompts"),
		f("seed", "int", "", "0", "of sampling, shuffling and the pretraining mix"),
	}, nil
}

// rankAll is a form that gives every text of a task's page a rank.
func rankAll(page string) url.Values {
	form := url.Values{}
	for i, m := range regexp.MustCompile(`id="(rank_[A-Z0-9]+)"`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], fmt.Sprint(i+1))
	}
	return form
}
