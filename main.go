// Command agora aligns a language model with its own people: they rank completions in a
// browser, a reward model learns from the rankings, and PPO fine-tunes the policy on it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"agora/labeler"
	"agora/policy"
	"agora/policy/hub"
	"agora/policy/scale"
	"agora/ppo"
	"agora/ppo/dpo"
	"agora/ppo/experiment"
	"agora/ppo/pipeline"
	"agora/reward"
	"agora/reward/prefs"
)

// commands is the command line: one field for each command, which lives in the package it belongs to.
type commands struct {
	Quickstart pipeline.QuickstartCmd `cmd:"" help:"The whole loop on real human preferences, then the site."`

	Serve   labeler.ServeCmd   `cmd:"" group:"site" help:"Serve the labeling site and the research console."`
	Work    pipeline.WorkCmd   `cmd:"" group:"site" help:"Run queued training runs of a database."`
	User    labeler.UserCmd    `cmd:"" group:"site" help:"Add, list, disable and reset people."`
	Project labeler.ProjectCmd `cmd:"" group:"site" help:"Create and list labeling projects."`

	Import  labeler.ImportCmd `cmd:"" group:"data" help:"Import prompts, completions and rankings into a project."`
	Export  labeler.ExportCmd `cmd:"" group:"data" help:"Export a project's answers, with a card."`
	Convert prefs.ConvertCmd  `cmd:"" group:"data" help:"Convert preference files between formats, without a database."`
	Stats   labeler.StatsCmd  `cmd:"" group:"data" help:"Agreement of labelers, leaderboards of policies."`

	Policy  policyCommands   `cmd:"" group:"train" help:"Pretrain, fine-tune, sample and evaluate a policy."`
	Model   modelCommands    `cmd:"" group:"train" help:"Pull, import, export and describe pretrained models."`
	Reward  reward.RewardCmd `cmd:"" group:"train" help:"Train, evaluate and use a reward model."`
	PPO     ppo.PPOCmd       `cmd:"" name:"ppo" group:"train" help:"Fine-tune a policy with PPO against a reward model."`
	RLOO    ppo.RLOOCmd      `cmd:"" name:"rloo" group:"train" help:"PPO without a critic: leave-one-out baselines."`
	GRPO    ppo.GRPOCmd      `cmd:"" name:"grpo" group:"train" help:"PPO without a critic: advantages relative to a prompt's other responses."`
	BestOfN ppo.BestOfNCmd   `cmd:"" name:"bestofn" group:"train" help:"Sample n completions of each prompt and keep the best by a reward."`
	DPO     dpo.Cmd          `cmd:"" name:"dpo" group:"train" help:"Fine-tune a policy on preferences directly."`
	Run     pipeline.RunCmd  `cmd:"" group:"train" help:"List, show and resume runs."`

	Experiment experiment.ExperimentCmd `cmd:"" group:"train" help:"Run again the comparisons that agora's claims rest on."`

	Config pipeline.ConfigCmd `cmd:"" group:"more" help:"What can be set: names, types, units, defaults."`
	Bench  policy.BenchCmd    `cmd:"" group:"more" help:"Measure speed on this machine."`
}

// policyCommands joins the work on one policy and the study of many.
type policyCommands struct {
	policy.PolicyCmd `embed:""`
	scale.Commands   `embed:""`
}

// modelCommands joins what knows the network and what knows models.
type modelCommands struct {
	Pull            hub.PullCmd `cmd:"" help:"Fetch a public model by name."`
	policy.ModelCmd `embed:""`
}

var groups = []kong.Group{
	{Key: "site", Title: "The site:"},
	{Key: "data", Title: "Preference data:"},
	{Key: "train", Title: "Training:"},
	{Key: "more", Title: "Reference:"},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "agora:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	all := commands{}
	all.Quickstart.Serve = serveSite
	all.Model.Pull.Import, all.Model.Pull.Check = importModel, checkModel
	all.Model.Export.Reward = reward.Export
	all.Policy.SFT.Judge = reward.OpenJudge
	all.Quickstart.Pull = func(ctx context.Context, name, dir string) error {
		return (&hub.PullCmd{Name: name, Out: dir, From: "auto", Revision: "main", Import: importModel, Check: checkModel}).Fetch(ctx)
	}
	parser, err := kong.New(&all,
		kong.Name("agora"),
		kong.Description("RLHF with your own people: a labeling site, reward models, PPO."),
		kong.ExplicitGroups(groups),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		var usage *kong.ParseError
		if errors.As(err, &usage) {
			return fmt.Errorf("%w (%s --help says more)", err, strings.TrimSpace("agora "+usage.Context.Command()))
		}
		return err
	}
	return command.Run()
}

// serveSite serves the site on a database; quickstart, which knows nothing of the site, ends with it.
func serveSite(ctx context.Context, dsn, addr string) error {
	cfg := labeler.DefaultServeConfig()
	cfg.DB, cfg.Addr = dsn, addr
	return labeler.Serve(ctx, cfg)
}

// importModel and checkModel are what hub asks of policy.
func importModel(src, dst string, origin map[string]string) error {
	_, err := policy.Import(src, dst, origin)
	return err
}

func checkModel(config []byte) error {
	_, err := policy.ParseConfig(config)
	return err
}
