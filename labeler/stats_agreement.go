package labeler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"text/tabwriter"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// StatsAgreementCmd is `agora stats agreement`.
type StatsAgreementCmd struct {
	Judgements
	Resampling
	On        string `default:"pairs" help:"What to compare: pairs (which of two is better), ratings or flags."`
	Ties      string `default:"outcome" help:"Completions ranked equal are an outcome of their own (outcome), half agreement with better or worse (half), or left out (drop)."`
	Labels    string `type:"existingfile" placeholder:"FILE" help:"Instead: a CSV table with the columns item, labeler and value."`
	Labelers  bool   `help:"Also each labeler: agreement with peers, side bias, competence, speed."`
	MinShared int    `default:"1" help:"Cohen's kappa for people with at least this many judgements in common."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
}

// Help shows how to use the command.
func (StatsAgreementCmd) Help() string {
	return `Every figure is over judgements of the same thing by different people. The
intervals (95 %) resample whole labelers, or whole items where fewer than five
labelers are known; the number of items, answers and labelers stands beside them.

Coefficients over pairs take the text listed first as the first. Where one policy
is always listed first, use "either text first", which has no such order: the
others then take what all agree on for chance.

With --labelers: q tests whether somebody prefers what is shown earlier; "common
order" is how many of their choices follow the order of the texts that the others
agree on. A low share without a leaning to one side is another taste, not
carelessness. MACE and Dawid-Skene are for flags and labels, which have a truth.

Examples:
  agora stats agreement --data ranked.jsonl.gz
  agora stats agreement --db study.db --project jokes --ties drop --json
  agora stats agreement --data ranked.jsonl --on flags --labelers
  agora stats agreement --labels ratings.csv`
}

// Run computes and prints the figures.
func (cmd StatsAgreementCmd) Run(ctx context.Context) error {
	if err := cmd.validate(); err != nil {
		return err
	}
	in, err := cmd.gather(ctx)
	if err != nil {
		return err
	}
	out, err := interruptible(ctx, func() (*agreementJSON, error) { return cmd.report(in) })
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(out)
	}
	return out.print()
}

func (cmd StatsAgreementCmd) validate() error {
	if cmd.On != onPairs && cmd.On != onRatings && cmd.On != onFlags {
		return fmt.Errorf("--on is %q; it is one of %s, %s, %s", cmd.On, onPairs, onRatings, onFlags)
	}
	if cmd.Ties != tiesOutcome && cmd.Ties != tiesHalf && cmd.Ties != tiesDrop {
		return fmt.Errorf("--ties is %q; it is one of %s, %s, %s", cmd.Ties, tiesOutcome, tiesHalf, tiesDrop)
	}
	if cmd.Labels != "" && (len(cmd.Data) > 0 || cmd.DB != "" || cmd.Project != "") {
		return errors.New("--labels stands for itself: leave out --data, --db and --project")
	}
	return cmd.Resampling.validate()
}

// agreementInput is what the figures are made of.
type agreementInput struct {
	labels   []agree.Label
	answers  int
	ties     string
	named    bool // values are names: no order, no distance
	flags    map[string][]agree.Label
	labelers *labelerSet // nil unless asked for
}

// gather reads the answers.
func (cmd StatsAgreementCmd) gather(ctx context.Context) (in agreementInput, err error) {
	if cmd.Labels != "" {
		in.ties = "no ties: equal values agree, others do not"
		in.labels, in.named, err = readLabels(cmd.Labels)
		in.answers = len(in.labels)
		if err == nil && cmd.Labelers {
			in.labelers = newLabelerSet()
		}
		return in, err
	}
	set := newLabelSet(cmd.On, cmd.Ties)
	if cmd.Labelers {
		in.labelers = newLabelerSet()
	}
	err = cmd.each(ctx, func(r *prefs.Ranked) error {
		set.add(r)
		if in.labelers != nil {
			in.labelers.add(r)
		}
		return nil
	})
	if err != nil {
		return in, err
	}
	in.labels, in.answers, in.ties = set.labels, set.answers, set.about()
	if cmd.On == onFlags {
		in.flags = map[string][]agree.Label{}
		for _, f := range set.flagNames() {
			in.flags[f] = set.flagLabels(f)
			in.labels = append(in.labels, in.flags[f]...)
		}
	}
	if len(in.labels) == 0 {
		return in, set.nothing()
	}
	spread(in.labels)
	return in, nil
}

// report computes the figures.
func (cmd StatsAgreementCmd) report(in agreementInput) (*agreementJSON, error) {
	t, err := agree.NewTable(in.labels)
	if err != nil {
		return nil, err
	}
	t.HalfTies = cmd.On == onPairs && cmd.Ties == tiesHalf && cmd.Labels == ""
	c := t.Coincide()
	byLabeler, byItem := t.Bootstrap(agree.ByLabeler, cmd.Resamples, cmd.Seed), t.Bootstrap(agree.ByItem, cmd.Resamples, cmd.Seed)
	best := byLabeler
	if best.By == agree.NoCluster {
		best = byItem
	}
	out := &agreementJSON{
		On: cmd.On, Items: len(t.Items), Units: len(t.Units), Shared: t.Shared(), Answers: in.answers, Labelers: len(t.Labelers),
		Repeats: t.Repeats, Pairwise: figure(c.Percent()), Pairs: int(c.Pairs),
		Fleiss: figure(c.Fleiss()), Alpha: alphaJSON{figure(c.Alpha(agree.Nominal)), figure(c.Alpha(agree.Ordinal)), figure(c.Alpha(agree.Interval))},
		CI: intervalsOf(best), CIBy: string(best.By), CIItems: intervalsOf(byItem), Ties: in.ties,
	}
	if cmd.Labels != "" {
		out.On = "labels"
	}
	if in.named {
		none := figure(math.NaN())
		out.Alpha.Ordinal, out.Alpha.Interval = none, none
		out.CI.Alpha.Ordinal, out.CI.Alpha.Interval, out.CIItems.Alpha.Ordinal, out.CIItems.Alpha.Interval = nil, nil, nil, nil
	}
	for _, k := range t.Cohen(cmd.MinShared) {
		line := cohenJSON{A: k.A, B: k.B, Kappa: figure(k.Kappa), N: k.N, SE: figure(k.SE), Weighted: figure(k.Weighted), Agreement: figure(k.Agreement)}
		if in.named {
			line.Weighted = figure(math.NaN())
		}
		out.Cohen = append(out.Cohen, line)
	}
	if out.On == onPairs {
		if out.OrderFree, err = cmd.orderFree(in.labels, best.By); err != nil {
			return nil, err
		}
	}
	if out.Flags, err = flagsJSON(in.flags); err != nil {
		return nil, err
	}
	if in.labelers != nil {
		out.People = in.labelers.report(t, out.On != onPairs, cmd.Resampling)
	}
	return out, nil
}

// agreementJSON is the command's answer.
type agreementJSON struct {
	On       string      `json:"on"`
	Items    int         `json:"n_items"`   // prompts
	Units    int         `json:"n_units"`   // pairs, completions or flags judged
	Shared   int         `json:"n_shared"`  // units that two people or more judged
	Answers  int         `json:"n_answers"` // rankings
	Labelers int         `json:"n_labelers"`
	Repeats  int         `json:"n_repeats"` // second judgements of a unit by the same person, left out
	Alpha    alphaJSON   `json:"krippendorff_alpha"`
	Fleiss   figure      `json:"fleiss_kappa"`
	Cohen    []cohenJSON `json:"cohen_kappa"`
	Pairwise figure      `json:"pairwise_agreement"`
	Pairs    int         `json:"n_pairwise"` // pairs of judgements it is over
	// OrderFree is nominal α with every pair also the other way round. Where the better text tends to
	// be listed first (policies in a fixed order), plain α and κ take the common verdict for chance.
	OrderFree *orderFreeJSON       `json:"krippendorff_alpha_order_free,omitempty"`
	CI        intervalsJSON        `json:"ci95"`
	CIBy      string               `json:"ci95_by"` // labeler, item or none: what was resampled
	CIItems   intervalsJSON        `json:"ci95_items"`
	Ties      string               `json:"ties"`
	Flags     map[string]*flagJSON `json:"by_flag,omitempty"`
	People    []labelerJSON        `json:"labelers,omitempty"`
}

type alphaJSON struct {
	Nominal  figure `json:"nominal"`
	Ordinal  figure `json:"ordinal"`
	Interval figure `json:"interval"`
}

type orderFreeJSON struct {
	Nominal figure `json:"nominal"`
	CI      *span  `json:"ci95"`
}

// orderFree is nominal α when which text is the first has no meaning.
func (cmd StatsAgreementCmd) orderFree(labels []agree.Label, by agree.Clusters) (*orderFreeJSON, error) {
	t, err := agree.NewTable(bothWays(labels))
	if err != nil {
		return nil, err
	}
	return &orderFreeJSON{figure(t.Coincide().Alpha(agree.Nominal)), spanOf(t.Bootstrap(by, cmd.Resamples, cmd.Seed).Nominal)}, nil
}

// bothWays adds every pair the other way round, as a second unit of the same item.
func bothWays(labels []agree.Label) []agree.Label {
	both := slices.Clone(labels)
	for _, l := range labels {
		if l.Item == "" {
			l.Item = l.Unit
		}
		l.Unit, l.Value = l.Unit+"\x00reversed", -l.Value
		both = append(both, l)
	}
	return both
}

type cohenJSON struct {
	A         string `json:"a"`
	B         string `json:"b"`
	Kappa     figure `json:"kappa"`
	N         int    `json:"n"`
	SE        figure `json:"se"`
	Weighted  figure `json:"kappa_quadratic"`
	Agreement figure `json:"agreement"`
}

type intervalsJSON struct {
	Alpha struct {
		Nominal  *span `json:"nominal"`
		Ordinal  *span `json:"ordinal"`
		Interval *span `json:"interval"`
	} `json:"krippendorff_alpha"`
	Fleiss   *span `json:"fleiss_kappa"`
	Pairwise *span `json:"pairwise_agreement"`
}

func intervalsOf(iv agree.Intervals) intervalsJSON {
	var out intervalsJSON
	out.Alpha.Nominal, out.Alpha.Ordinal, out.Alpha.Interval = spanOf(iv.Nominal), spanOf(iv.Ordinal), spanOf(iv.Interval)
	out.Fleiss, out.Pairwise = spanOf(iv.Fleiss), spanOf(iv.Percent)
	return out
}

// flagJSON is the agreement about one flag.
type flagJSON struct {
	Given    int    `json:"given"` // how often
	N        int    `json:"n"`     // of how many judgements
	Alpha    figure `json:"krippendorff_alpha"`
	Pairwise figure `json:"pairwise_agreement"`
}

func flagsJSON(flags map[string][]agree.Label) (map[string]*flagJSON, error) {
	out := map[string]*flagJSON{}
	for name, labels := range flags {
		t, err := agree.NewTable(labels)
		if err != nil {
			return nil, err
		}
		c := t.Coincide()
		f := &flagJSON{N: len(labels), Alpha: figure(c.Alpha(agree.Nominal)), Pairwise: figure(c.Percent())}
		for _, l := range labels {
			f.Given += int(l.Value)
		}
		out[name] = f
	}
	return out, nil
}

// shownKappas is how many pairs of people the printed table lists.
const shownKappas = 10

// print writes the figures for people.
func (a *agreementJSON) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%d items, %d answers, %d labelers; %d of %d %s judged by two or more\n",
		a.Items, a.Answers, a.Labelers, a.Shared, a.Units, a.On)
	fmt.Fprintf(w, "ties: %s\n\n", a.Ties)
	fmt.Fprintf(w, "\tVALUE\t95 %% BY %s\n", a.CIBy)
	for _, row := range []struct {
		name  string
		value figure
		ci    *span
	}{
		{"pairwise agreement", a.Pairwise, a.CI.Pairwise},
		{"Krippendorff α, nominal", a.Alpha.Nominal, a.CI.Alpha.Nominal},
		{"Krippendorff α, ordinal", a.Alpha.Ordinal, a.CI.Alpha.Ordinal},
		{"Krippendorff α, interval", a.Alpha.Interval, a.CI.Alpha.Interval},
		{"Fleiss κ", a.Fleiss, a.CI.Fleiss},
	} {
		fmt.Fprintf(w, "%s\t%v\t%v\n", row.name, row.value, row.ci)
	}
	if o := a.OrderFree; o != nil {
		fmt.Fprintf(w, "α, nominal, either text first\t%v\t%v\n", o.Nominal, o.CI)
	}
	if len(a.Cohen) > 0 {
		fmt.Fprintf(w, "\nCOHEN κ\tVALUE\tN IN COMMON\n")
		for _, k := range a.Cohen[:min(shownKappas, len(a.Cohen))] {
			fmt.Fprintf(w, "%s – %s\t%v\t%d\n", k.A, k.B, k.Kappa, k.N)
		}
		if more := len(a.Cohen) - shownKappas; more > 0 {
			fmt.Fprintf(w, "… and %d more pairs of people (--json lists them)\n", more)
		}
	}
	printFlags(w, a.Flags)
	printLabelers(w, a.People)
	return w.Flush()
}
