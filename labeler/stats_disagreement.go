package labeler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
)

// StatsDisagreementCmd is `agora stats disagreement`.
type StatsDisagreementCmd struct {
	Judgements
	Resampling
	By   string `placeholder:"GROUP" help:"What divides the labelers, such as gender (default: what most of them are known by)."`
	Top  int    `default:"10" help:"How many prompts to list."`
	JSON bool   `name:"json" help:"Print one JSON object a line: all comparisons of texts, then those of policies."`
}

// Help shows how to use the command.
func (StatsDisagreementCmd) Help() string {
	return `Prompts on which groups of labelers want different things, the surest difference
first, and which policy each group prefers. A share is of people, ties as half;
each person counts once, so intervals are by labeler. q is after Benjamini and
Hochberg over all comparisons. Groups of fewer than 5 people are left out.

Examples:
  agora stats disagreement --db study.db --project jokes --by gender
  agora stats disagreement --data ranked.jsonl --json`
}

// Run computes and prints the differences.
func (cmd StatsDisagreementCmd) Run(ctx context.Context) error {
	if err := cmd.validate(); err != nil {
		return err
	}
	j := newJudgements()
	err := cmd.each(ctx, func(r *prefs.Ranked) error {
		j.add(0, r)
		return nil
	})
	if err != nil {
		return err
	}
	if cmd.Project != "" {
		err := cmd.existing(ctx, func(store *db.Store) error {
			p, err := store.ProjectByName(ctx, cmd.Project)
			if err != nil {
				return err
			}
			return j.groups.addMembers(ctx, store, p)
		})
		if err != nil {
			return err
		}
	}
	d, err := interruptible(ctx, func() (disagreement, error) { return j.compare(cmd.By, cmd.Resampling) })
	switch {
	case err != nil:
		return err
	case d.By == "":
		return fmt.Errorf("no two groups of %d labelers or more: nothing to compare", smallestGroup)
	case cmd.By != "" && d.By != cmd.By:
		return fmt.Errorf("--by %s: no two values of it are shared by %d labelers each; it is one of %s", cmd.By, smallestGroup, strings.Join(d.Choices, ", "))
	}
	if cmd.JSON {
		return d.printJSON(os.Stdout)
	}
	return d.print(ctx, os.Stdout, cmd.Top)
}

// policyJSON is how differently two groups judge two policies.
type policyJSON struct {
	First  string `json:"policy"`
	Second string `json:"over"`
	By     string `json:"by"`
	A      string `json:"a"`
	B      string `json:"b"`
	ShareA figure `json:"share_a"` // that prefer the first policy's text
	ShareB figure `json:"share_b"`
	NA     int    `json:"n_a"`
	NB     int    `json:"n_b"`
	Diff   figure `json:"difference"`
	CI     *span  `json:"ci95"`
	P      figure `json:"p"`
	Q      figure `json:"q"`
}

func policyOf(by string, d agree.Difference) policyJSON {
	a, b, _ := strings.Cut(d.Unit, "\x00")
	return policyJSON{a, b, by, d.A, d.B, figure(d.MeanA), figure(d.MeanB), d.NA, d.NB, figure(d.Diff), spanOf(d.CI), figure(d.P), figure(d.Q)}
}

func (d disagreement) printJSON(to io.Writer) error {
	out := json.NewEncoder(to)
	for _, x := range d.Compared {
		if err := out.Encode(splitOf(d.By, x, 0)); err != nil {
			return err
		}
	}
	for _, x := range d.Policies {
		if err := out.Encode(policyOf(d.By, x)); err != nil {
			return err
		}
	}
	return nil
}

// print writes the surest differences for people.
func (d disagreement) print(ctx context.Context, to io.Writer, top int) error {
	w := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%d comparisons by %s; %d prompts found at a false discovery rate of %.0f %%\n", len(d.Compared), d.By, d.found(), 100*foundQ)
	for _, line := range powerWords(ctx, d) {
		fmt.Fprintln(w, line)
	}
	if len(d.Prompts) > 0 {
		fmt.Fprintln(w, "\nPROMPT\tTEXTS\tGROUPS\tPREFER THE FIRST\tDIFFERENCE\t95 % BY labeler\tq")
	}
	for _, x := range d.Prompts[:min(max(top, 0), len(d.Prompts))] {
		r := splitOf(d.By, x.Diff, 0)
		fmt.Fprintf(w, "%s\t%s > %s\t%s (%d) – %s (%d)\t%v – %v\t%v\t%v\t%v\n", r.Prompt, r.First, r.Second, r.A, r.NA, r.B, r.NB, r.ShareA, r.ShareB, r.Diff, r.CI, r.Q)
	}
	if len(d.Policies) > 0 {
		fmt.Fprintln(w, "\nPOLICY\tOVER\tGROUPS\tPREFER IT\tDIFFERENCE\t95 % BY labeler\tq")
	}
	for _, x := range d.Policies {
		r := policyOf(d.By, x)
		fmt.Fprintf(w, "%s\t%s\t%s (%d) – %s (%d)\t%v – %v\t%v\t%v\t%v\n", r.First, r.Second, r.A, r.NA, r.B, r.NB, r.ShareA, r.ShareB, r.Diff, r.CI, r.Q)
	}
	return w.Flush()
}
