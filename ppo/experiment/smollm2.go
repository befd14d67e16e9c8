package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"agora/policy"
	"agora/policy/plot"
	"agora/ppo/measure"
	"agora/reward"
	"agora/reward/prefs"
)

// smollm2 runs the loop on a real pretrained model.
var smollm2 = experiment{
	name: "smollm2", title: "SmolLM2-135M: LoRA against a reward model of human comparisons", minutes: 60,
	claim: "Twenty iterations of PPO with LoRA raise the gold model's preference for SmolLM2-135M-Instruct's replies; reward and gold model learned from disjoint prompts.",
	full:  "all comparisons, not 700 for each of the two models", data: true,
	run: runSmolLM2,
}

// smolGGUF is the model in the folder of the large data sets.
const smolGGUF = "models/SmolLM2-135M-Instruct.Q4_1.gguf"

// Sizes: 64 prompts of 32 new tokens an iteration, twenty iterations, one inner epoch.
const smolPrompts, smolNew, smolIterations = 64, 32, 20

func runSmolLM2(ctx context.Context, l *lab, o options, r *report) error {
	pairs, err := readChat(o.data)
	if err != nil {
		return err
	}
	start, err := importSmol(l, o.data)
	if err != nil {
		return err
	}
	most := 700 // comparisons for each of the two models
	if o.full {
		most = len(pairs)
	}
	files, eval, err := writeChat(l, pairs, most)
	if err != nil {
		return err
	}
	settings := Settings{"epochs": 1, "batch_prompts": 16, "learning_rate": 3e-4, "lora_rank": 16, "dropout": 0, "split": "field", "max_tokens": 224, "save_every": 10}
	var models [2]string
	for side, name := range []string{"reward model", "gold model"} {
		run, err := l.reward(ctx, name, settings.With(Settings{"seed": side}), start, files[side])
		if err != nil {
			return err
		}
		models[side] = model(run)
	}
	run, err := l.rl(ctx, "PPO with LoRA", Settings{
		"iterations": smolIterations, "episodes": smolPrompts, "epochs": 1, "minibatches": 4, "max_new_tokens": smolNew, "temperature": 1, "score_samples": 64,
		"missing_eos": "ignore", "kl_coef": .05, "learning_rate": 2e-4, "value_learning_rate": 3e-4, "warmup_iterations": 2, "lora_rank": 16, "checkpoint_every": 1, "seed": l.seed,
	}, rl{policy: start, reward: models[0], judge: models[1], prompts: files[2]})
	if err != nil {
		return err
	}
	found, err := measureSmol(ctx, l, start, run, models, eval)
	if err != nil {
		return err
	}
	reportSmol(r, found)
	return nil
}

// importSmol turns the GGUF file into a model directory, once. The report lies elsewhere: a file more
// would make it another model.
func importSmol(l *lab, data string) (string, error) {
	dir := l.path("smollm2-135m-instruct")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	src := filepath.Join(data, smolGGUF)
	if _, err := os.Stat(src); err != nil {
		return "", fmt.Errorf("%w (--data names the folder of the large data sets; or get the model with: agora model pull smollm2-135m-instruct %s)", err, dir)
	}
	_, err := policy.Import(src, dir, nil)
	return dir, err
}

// writeChat writes the reward model's comparisons, the gold's, and PPO's prompts, which are the reward
// model's side; the evaluation prompts are the gold's side.
func writeChat(l *lab, pairs []chatPair, most int) (files [3]string, eval []*prefs.Prompt, err error) {
	var bySide [2][]*prefs.Ranked
	var prompts []*prefs.Prompt
	seen := map[string]bool{}
	for _, p := range pairs {
		side := p.side()
		if len(bySide[side]) < most {
			bySide[side] = append(bySide[side], p.ranked())
		}
		if seen[p.prompt] || !p.clean() || len(p.prompt) > 160 {
			continue
		}
		seen[p.prompt] = true
		turns := prefs.Plain(p.prompt)
		asked := &prefs.Prompt{PromptID: prefs.PromptID(turns), Prompt: turns}
		if side == 0 {
			prompts = append(prompts, asked)
		} else if len(eval) < 256 {
			eval = append(eval, asked)
		}
	}
	about := prefs.About{Licence: "MIT, CC BY-NC 4.0 and Apache-2.0; not to be shipped"}
	if err := os.MkdirAll(l.path("data"), 0o755); err != nil {
		return files, nil, err
	}
	for side, name := range []string{"chat-reward.jsonl", "chat-gold.jsonl"} {
		files[side] = l.path("data", name)
		if _, err := prefs.Write(files[side], prefs.FormatRanked, each(bySide[side]), about); err != nil {
			return files, nil, err
		}
	}
	files[2] = l.path("data", "chat-prompts.jsonl")
	_, err = prefs.Write(files[2], prefs.FormatPrompt, promptRecords(prompts), about)
	return files, eval, err
}

func promptRecords(all []*prefs.Prompt) iter.Seq2[prefs.Record, error] {
	return func(yield func(prefs.Record, error) bool) {
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// replies are a policy's on the evaluation prompts.
type replies struct {
	Gold, Reward []float64
	KL, Length   float64
	Texts        []string
}

// smolResult is what was measured.
type smolResult struct {
	before, after replies
	metrics       [2]map[string]float64 // of the reward model and of the gold
	training      [][]float64           // by iteration: mean reward, mean gold score
}

func measureSmol(ctx context.Context, l *lab, start, run string, models [2]string, eval []*prefs.Prompt) (found smolResult, err error) {
	c := measure.Draw{Dev: l.dev, Prompts: eval, Seed: 1, MaxNew: smolNew, Temperature: 1}
	for _, p := range []struct {
		into *replies
		dir  string
	}{{&found.before, start}, {&found.after, model(run)}} {
		*p.into, err = kept(l, "replies", len(eval), map[string]string{"policy": p.dir, "start": start, "reward": models[0], "gold": models[1]}, func() (replies, error) {
			return smolReplies(ctx, c, p.dir, start, models)
		})
		if err != nil {
			return found, err
		}
	}
	for side, dir := range models {
		m, err := manifestOf(dir)
		if err != nil {
			return found, err
		}
		found.metrics[side] = m.Metrics
	}
	found.training, err = curve(run, "objective/reward_raw", "objective/judge")
	return found, err
}

func reportSmol(r *report, found smolResult) {
	var table [][]string
	for side, name := range []string{"reward model", "gold model"} {
		m := found.metrics[side]
		table = append(table, []string{name, fmt.Sprintf("%.1f", 100*m["eval_accuracy"]), fmt.Sprintf("%.0f", m["eval_n"])})
		r.Numbers[name] = m
	}
	before, after := found.before, found.after
	r.say("Comparisons by people from hh-rlhf helpful, WebGPT, Auto-J and fine-grained RLHF, dealt into two halves by prompt. Both models are SmolLM2-135M-Instruct (quantised weights, computed in float32) with LoRA of rank 16 and a score head.")
	r.table([]string{"model", "validation accuracy, %", "n"}, table)
	win := measure.WinRate(after.Gold, before.Gold)
	byReward := measure.WinRate(after.Reward, before.Reward)
	r.say("PPO: %d prompts × %d new tokens, %d iterations, one inner epoch, one seed. On %d prompts of the gold's half, one reply each at temperature 1:", smolPrompts, smolNew, smolIterations, len(after.Gold))
	r.table([]string{"", "before", "after"}, [][]string{
		{"gold's score", num(measure.Mean(before.Gold)), num(measure.Mean(after.Gold))},
		{"reward", num(measure.Mean(before.Reward)), num(measure.Mean(after.Reward))},
		{"length, tokens", num(before.Length), num(after.Length)},
		{"KL from the start, nats", "0", num(after.KL)},
		{"win rate over the start, by the gold", "", percent(win)},
		{"… by the reward model", "", percent(byReward)},
	})
	chart := plot.Chart{Title: "Reward and gold score during PPO", X: "iteration", Y: "mean score", Series: []plot.Series{{Name: "reward model", Line: true}, {Name: "gold model", Line: true}}}
	for i, p := range found.training {
		for k := range 2 {
			chart.Series[k].Points = append(chart.Series[k].Points, plot.Point{X: float64(i + 1), Y: p[k]})
		}
	}
	r.chart("training", chart)
	r.samples([]string{"before", "after"}, before.Texts, after.Texts)
	r.Numbers["win_rate_gold"], r.Numbers["win_rate_reward"], r.Numbers["kl"] = win, byReward, after.KL
	r.verdict(win.Lo > .5, "The gold model prefers the trained policy on %s of %d prompts; the reward model on %s.", percent(win), len(after.Gold), percent(byReward))
}

func smolReplies(ctx context.Context, c measure.Draw, dir, before string, models [2]string) (out replies, err error) {
	m, err := policy.LoadPolicy(dir)
	if err != nil {
		return out, err
	}
	d, err := c.From(ctx, m)
	if err != nil {
		return out, err
	}
	for k, into := range []*[]float64{&out.Reward, &out.Gold} {
		rm, err := reward.Load(models[k])
		if err != nil {
			return out, err
		}
		if *into, err = c.Score(ctx, rm, d); err != nil {
			return out, err
		}
	}
	start, err := policy.LoadPolicy(before)
	if err != nil {
		return out, err
	}
	out.Length = measure.Mean(d.Lengths)
	for i := range d.Texts {
		d.Texts[i] = measure.PromptText(c.Prompts[i].Prompt) + " → " + d.Completions[i]
	}
	out.Texts = shown(d.Texts)
	out.KL, err = c.KL(ctx, start, d)
	return out, err
}
