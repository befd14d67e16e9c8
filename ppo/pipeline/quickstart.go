package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/db"
	"agora/policy"
	"agora/policy/base"
	"agora/ppo/oneliners"
)

// QuickstartCmd is `agora quickstart`.
type QuickstartCmd struct {
	Dir         string `default:"agora-data" placeholder:"DIR" help:"Folder for everything that is made."`
	Seed        int    `default:"0" help:"Seed of training and sampling."`
	Model       string `placeholder:"NAME|DIR" help:"Start from this model instead of the bundled one: a model directory, or a name of agora model pull --list such as smollm2-135m-instruct, which is fetched."`
	FromScratch bool   `name:"from-scratch" help:"Pretrain the base model here instead of taking the bundled one (takes a quarter of an hour more)."`
	NoServe     bool   `name:"no-serve" help:"End after the report instead of serving the site."`
	Addr        string `default:"127.0.0.1:8080" help:"Where to serve the site."`
	JSON        bool   `name:"json" help:"Print the report as one JSON object before serving."`

	// Pull fetches a public model into a directory; main hands it in.
	Pull func(ctx context.Context, name, dir string) error `kong:"-"`
	// Serve serves the site on a database until ctx ends; main hands it in, because this package
	// knows nothing of the site.
	Serve func(ctx context.Context, dsn, addr string) error `kong:"-"`
}

// Help is shown by --help.
func (*QuickstartCmd) Help() string {
	return `The whole loop on bundled, real human judgments of one-liners: fine-tunes a tiny model, trains a
reward model and a judge, runs PPO, compares, and serves the site, where you can rank the two models'
texts blind. Some three minutes on two cores. A second start keeps what is there. Ctrl-C at any time is
safe: the next start goes on.

With --model, a larger model of the Llama or GPT-2 family takes the place of the tiny one. From 50 million
parameters on only low-rank changes of it are trained (LoRA), on less data; smollm2-135m-instruct then needs
about 5 GB of memory and three quarters of an hour on two cores.

  agora quickstart --dir agora-data
  agora quickstart --dir smol --model smollm2-135m-instruct`
}

// Run trains, reports and serves.
func (c *QuickstartCmd) Run(ctx context.Context) error {
	if !c.NoServe {
		if err := portFree(c.Addr); err != nil {
			return err
		}
	}
	q, err := c.open(ctx)
	if err != nil {
		return err
	}
	report, err := q.loop(ctx)
	if cerr := q.store.Close(); err == nil {
		err = cerr
	}
	switch {
	case interrupted(err):
		return fmt.Errorf("stopped; what is done is kept in %s, the same command goes on from there", c.Dir)
	case err != nil:
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
			return err
		}
	}
	if c.NoServe || c.Serve == nil {
		q.say("\nServe the site whenever you like:  agora serve --db %s", q.path("agora.db"))
		return nil
	}
	q.say("\nNow it is your turn: open the link below, choose “One-liners” and rank. Neither you nor anyone else sees\nwhich text is whose; the project's page shows the human win rate as it grows. Ctrl-C ends.\n")
	return c.Serve(ctx, q.path("agora.db"), c.Addr)
}

// portFree refuses a busy port before minutes of training rather than after.
func portFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot serve the site on %s: %w (choose another with --addr, or --no-serve)", addr, err)
	}
	return l.Close()
}

// quickstart is one start of the command.
type quickstart struct {
	cmd     *QuickstartCmd
	store   *db.Store
	worker  *Worker
	project int64
	humour  base.Humour
	out     io.Writer
	started time.Time

	large         bool              // the model is trained by LoRA, on less data
	largeFrom     int               // parameters from which on a model is large
	evalJudgments int               // how many judgments to evaluate reward models on; 0 means all
	evalPrompts   int               // openings, of texts that no policy was trained on, to compare the two on
	shrink        func(stage) stage // makes a stage tiny, in tests; nil
}

func (c *QuickstartCmd) open(ctx context.Context) (*quickstart, error) {
	if c.Model != "" && c.FromScratch {
		return nil, errors.New("--model and --from-scratch exclude each other")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	c.Dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	store, err := db.Open(ctx, filepath.Join(dir, "agora.db"), db.Options{})
	if err != nil {
		return nil, err
	}
	q := &quickstart{cmd: c, store: store, humour: base.LoadHumour(), out: os.Stdout, started: time.Now(), evalPrompts: 512, largeFrom: 50e6}
	if c.JSON {
		q.out = os.Stderr
	}
	q.worker = NewWorker(store, slog.New(slog.DiscardHandler))
	return q, nil
}

func (q *quickstart) path(parts ...string) string {
	return filepath.Join(append([]string{q.cmd.Dir}, parts...)...)
}

func (q *quickstart) say(format string, args ...any) { fmt.Fprintf(q.out, format+"\n", args...) }

// stages of training, in the order in which they run.
const (
	stagePretrain = "pretrain"
	stageSFT      = "sft"
	stageReward   = "reward"
	stageJudge    = "judge"
	stagePPO      = "ppo"
)

// loop is the whole loop: data, base model, SFT, reward model, judge, PPO, comparison, ranking tasks.
func (q *quickstart) loop(ctx context.Context) (*Report, error) {
	q.say("agora quickstart: the whole loop on %s human judgments of %s one-liners.\nA first start takes %s on two cores. Everything goes to %s.",
		thousands(len(q.humour.Judgments)), thousands(len(q.humour.Texts)), q.takes(), q.cmd.Dir)
	if err := oneliners.WriteData(q.path("data"), q.humour); err != nil {
		return nil, err
	}
	if err := q.openProject(ctx); err != nil {
		return nil, err
	}
	report := &Report{}
	trunk, err := q.base(ctx)
	if err != nil {
		return nil, err
	}
	sft, err := q.stage(ctx, "1/4", "Fine-tuning (SFT) on "+thousands(len(q.humour.On(base.PolicySide)))+" one-liners", q.sftStage(trunk))
	if err != nil {
		return nil, err
	}
	rm, err := q.stage(ctx, "2/4", "Reward model, from human judgments of which of two is funnier", q.rewardStage(sft))
	if err != nil {
		return nil, err
	}
	judge, err := q.judge(ctx, trunk)
	if err != nil {
		return nil, err
	}
	if err := q.measure(report, "accuracies", map[string]string{"reward": rm, "judge": judge}, func() error {
		return q.judgeAccuracies(ctx, rm, judge, report)
	}); err != nil {
		return nil, err
	}
	report.writeRewardModel(q.out)
	how := ", with a pretraining mix"
	if q.large {
		how = ", by low-rank changes"
	}
	ppo, err := q.stage(ctx, "3/4", "PPO against the reward model"+how, q.ppoStage(sft, rm, judge))
	if err != nil {
		return nil, err
	}
	q.say("\n4/4  Comparing SFT and PPO on %d openings that neither was trained on", q.evalPrompts)
	if err := q.measure(report, "comparison", map[string]string{"reward": rm, "judge": judge, "sft": sft, "ppo": ppo}, func() error {
		return q.compare(ctx, sft, rm, judge, ppo, report)
	}); err != nil {
		return nil, err
	}
	report.Seconds = time.Since(q.started).Seconds()
	report.writeChart(q.out)
	report.writeSamples(q.out)
	report.writePPO(q.out)
	q.say("\nDone in %s.", time.Since(q.started).Round(time.Second))
	return report, q.keepReport(report)
}

// takes says how long a first start takes.
func (q *quickstart) takes() string {
	switch {
	case q.cmd.FromScratch:
		return "some twenty minutes, most of it pretraining,"
	case q.cmd.Model != "":
		return "three minutes with a tiny model and most of an hour with one of a hundred million parameters"
	}
	return "some three minutes"
}

// stage trains and says how long it took, or that the work was kept. It returns the checkpoint.
func (q *quickstart) stage(ctx context.Context, number, title string, s stage) (string, error) {
	if q.shrink != nil {
		s = q.shrink(s)
	}
	q.say("\n%s  %s", number, title)
	console := policy.NewConsole(os.Stderr, "     "+s.name)
	q.worker.Sinks = []policy.Sink{console}
	began := time.Now()
	run, kept, err := q.train(ctx, s)
	if err != nil {
		return "", err
	}
	var result struct {
		Checkpoint string `json:"checkpoint"`
	}
	if err := resultOf(run, &result); err != nil {
		return "", err
	}
	if kept {
		q.say("     kept from an earlier start (%s): same settings, same data", run.Finished.Time().Local().Format(time.DateTime))
	} else {
		q.say("     done in %s", time.Since(began).Round(100*time.Millisecond))
	}
	return result.Checkpoint, nil
}

// base is the model that SFT starts from: the bundled one, the user's, or one pretrained here.
func (q *quickstart) base(ctx context.Context) (string, error) {
	switch {
	case q.cmd.Model != "":
		return q.given(ctx)
	case q.cmd.FromScratch:
		s, err := q.pretrainStage()
		if err != nil {
			return "", err
		}
		return q.stage(ctx, "0/4", "Pretraining the base model from scratch", s)
	}
	dir := q.path("base")
	return dir, base.WriteModel(dir)
}

// given is the model of --model: a directory, or a public model by name, fetched once.
func (q *quickstart) given(ctx context.Context) (string, error) {
	dir, err := filepath.Abs(q.cmd.Model)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && q.cmd.Pull != nil {
		dir = q.path("base-" + strings.ReplaceAll(q.cmd.Model, "/", "-"))
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			q.say("\n0/4  Fetching %s", q.cmd.Model)
			if err := q.cmd.Pull(ctx, q.cmd.Model, dir); err != nil {
				return "", fmt.Errorf("--model: %w", err)
			}
		}
	}
	m, err := policy.LoadFrozenPolicy(dir)
	if err != nil {
		return "", fmt.Errorf("--model: %w", err)
	}
	if q.large = m.Params.Count() >= q.largeFrom; q.large {
		q.say("     %d million parameters: low-rank changes of them are trained (LoRA), on less data", m.Params.Count()/1e6)
		q.evalPrompts, q.evalJudgments = min(q.evalPrompts, 256), cmp.Or(q.evalJudgments, 4000)
	}
	return dir, nil
}

// judge trains the second reward model, the one that compares the policies and is never trained on.
func (q *quickstart) judge(ctx context.Context, trunk string) (string, error) {
	own, err := q.stage(ctx, "2/4", "A trunk for the judge, of another architecture", q.judgeTrunkStage(trunk))
	if err != nil {
		return "", err
	}
	return q.stage(ctx, "2/4", "Judge: other texts, other judgments, another seed", q.judgeStage(own))
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
