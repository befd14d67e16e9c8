package labeler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// StatsCurveCmd is `agora stats learning-curve`.
type StatsCurveCmd struct {
	Judgements
	Resampling
	On   string `default:"pairs" help:"What was judged: pairs (which of two is better) or ratings."`
	Most int    `default:"9" help:"Longest overlap to look at."`
	JSON bool   `name:"json" help:"Print one JSON object a line."`
}

// Help shows how to use the command.
func (StatsCurveCmd) Help() string {
	return `How many people should judge the same item? For each number, how often the
majority of so many predicts what one more person says, over the items that
enough people judged. Where the curve is flat, new items teach more than
further judgements of the same ones.

Examples:
  agora stats learning-curve --data ranked.jsonl
  agora stats learning-curve --db study.db --project jokes --most 5 --json`
}

// curveRounds is how many times people are drawn for each unit.
const curveRounds = 20

// pointJSON is one line of the answer.
type pointJSON struct {
	Labelers  int    `json:"labelers"`
	Agreement figure `json:"agreement"` // of their majority with one more person
	CI        *span  `json:"ci95"`      // items resampled
	N         int    `json:"n"`         // pairs or completions that more people than that judged
}

// Run computes and prints the curve.
func (cmd StatsCurveCmd) Run(ctx context.Context) error {
	if cmd.On != onPairs && cmd.On != onRatings {
		return fmt.Errorf("--on is %q; it is %s or %s", cmd.On, onPairs, onRatings)
	}
	if cmd.Most < 1 {
		return fmt.Errorf("--most is %d; at least 1", cmd.Most)
	}
	if err := cmd.validate(); err != nil {
		return err
	}
	set := newLabelSet(cmd.On, tiesOutcome)
	err := cmd.each(ctx, func(r *prefs.Ranked) error {
		set.add(r)
		return nil
	})
	if err != nil {
		return err
	}
	if len(set.labels) == 0 {
		return set.nothing()
	}
	spread(set.labels)
	t, err := agree.NewTable(set.labels)
	if err != nil {
		return err
	}
	points, err := interruptible(ctx, func() ([]agree.Point, error) {
		return t.CrowdCurve(cmd.Most, curveRounds, cmd.Resamples, cmd.Seed), nil
	})
	if err != nil {
		return err
	}
	if len(points) == 0 {
		return errors.New("fewer than 5 items were judged by two people or more")
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	if !cmd.JSON {
		fmt.Fprintf(w, "LABELERS\tPREDICT ONE MORE\t95 %% BY item\t%s\n", cmd.On)
	}
	for _, p := range points {
		line := pointJSON{p.K, figure(p.Equal), spanOf(p.CI), p.Units}
		if cmd.JSON {
			err = printJSON(line)
		} else {
			_, err = fmt.Fprintf(w, "%d\t%v\t%v\t%d\n", line.Labelers, line.Agreement, line.CI, line.N)
		}
		if err != nil {
			return err
		}
	}
	return w.Flush()
}
