package labeler

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"agora/labeler/agree"
	"agora/reward/prefs"
)

// StatsDiversityCmd is `agora stats diversity`.
type StatsDiversityCmd struct {
	Judgements
	Resampling
	Target map[string]string `placeholder:"GROUP=VALUE:SHARE,…" mapsep:";" help:"Shares of a population to weight the pool to, such as gender=woman:0.5,man:0.5. Repeatable."`
	Cap    float64           `default:"5" help:"Largest weight, times the mean; 0 for none."`
	By     string            `placeholder:"GROUP" help:"Also agreement within and between the values of this group, and the pairs of texts they differ on most."`
	Top    int               `default:"10" help:"How many differences to list."`
	JSON   bool              `name:"json" help:"Print one JSON object."`
}

// Help shows how to use the command.
func (StatsDiversityCmd) Help() string {
	return `Groups are what answers say of their labelers (the member groups of ranked/1).
Values that fewer than 5 labelers share are counted together. Weights are raked
to the targets; the effective number of labelers says what weighting costs.

Examples:
  agora stats diversity --data ranked.jsonl
  agora stats diversity --db study.db --project jokes --target gender=woman:0.5,man:0.5 --target region=north:0.3,south:0.7
  agora stats diversity --data ranked.jsonl --by gender --json`
}

// Run computes and prints the figures.
func (cmd StatsDiversityCmd) Run(ctx context.Context) error {
	if err := cmd.validate(); err != nil {
		return err
	}
	targets, err := parseMargins(cmd.Target)
	if err != nil {
		return err
	}
	p := newPool()
	err = cmd.each(ctx, func(r *prefs.Ranked) error {
		p.add(r)
		return nil
	})
	if err != nil {
		return err
	}
	out, err := interruptible(ctx, func() (*diversityJSON, error) { return cmd.report(p, targets) })
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(out)
	}
	return out.print()
}

// parseMargins reads woman:0.5,man:0.5 by group.
func parseMargins(in map[string]string) (agree.Margins, error) {
	targets := agree.Margins{}
	for group, list := range in {
		targets[group] = map[string]float64{}
		for part := range strings.SplitSeq(list, ",") {
			value, text, ok := cutLast(part, ":")
			share, err := strconv.ParseFloat(text, 64)
			if !ok || err != nil {
				return nil, fmt.Errorf("--target %s: %q is not VALUE:SHARE", group, part)
			}
			targets[group][value] = share
		}
	}
	return targets, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// pool is the people who answered and what they said.
type pool struct {
	people  []map[string]string
	answers []float64
	names   map[string]int
	unnamed int
	set     *labelSet
}

func newPool() *pool {
	return &pool{names: map[string]int{}, set: newLabelSet(onPairs, tiesOutcome)}
}

func (p *pool) add(r *prefs.Ranked) {
	p.set.add(r)
	if r.Worker == "" {
		p.unnamed++
		return
	}
	i, ok := p.names[r.Worker]
	if !ok {
		i = len(p.people)
		p.names[r.Worker] = i
		p.people, p.answers = append(p.people, map[string]string{}), append(p.answers, 0)
	}
	p.answers[i]++
	for name, value := range r.Groups {
		if value != nil {
			p.people[i][name] = *value
		}
	}
}

// groupNames lists the characteristics that anybody has.
func (p *pool) groupNames() []string {
	names := map[string]bool{}
	for _, person := range p.people {
		for name := range person {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// diversityJSON is the command's answer.
type diversityJSON struct {
	Labelers    int                   `json:"n_labelers"`
	Answers     int                   `json:"n_answers"`
	Unnamed     int                   `json:"n_unnamed"`          // answers whose labeler is not known
	Effective   figure                `json:"effective_labelers"` // Kish's number for the shares of answers: how many equally busy labelers they are worth
	Pool        map[string]*groupPool `json:"pool"`
	Weights     *weightsJSON          `json:"weights,omitempty"`
	Agreement   []betweenJSON         `json:"agreement_by_group,omitempty"`
	Tested      int                   `json:"n_tested,omitempty"` // differences tested; q controls the false ones among those
	Differences []differenceJSON      `json:"differences,omitempty"`
}

type groupPool struct {
	Values     map[string]int `json:"values"`
	Suppressed int            `json:"suppressed"` // people in values too small to show
	Unknown    int            `json:"unknown"`
}

type weightsJSON struct {
	Effective figure `json:"n_eff"`
	Design    figure `json:"design_effect"`
	Max       figure `json:"max_weight"`
	Trimmed   int    `json:"n_trimmed"`
	Miss      figure `json:"largest_miss"` // of a share and its target, after trimming
}

// betweenJSON is the agreement between people of two values, or within one.
type betweenJSON struct {
	A         string `json:"a"`
	B         string `json:"b"`
	Agreement figure `json:"agreement"`
	CI        *span  `json:"ci95"` // items resampled
	N         int    `json:"n"`    // pairs of judgements
}

func betweenOf(b agree.Between) betweenJSON {
	return betweenJSON{b.A, b.B, figure(b.Equal), spanOf(b.CI), b.Pairs}
}

// differenceJSON is a pair of texts that two groups judge differently.
type differenceJSON struct {
	Prompt string `json:"prompt_id"`
	First  string `json:"first"` // completion ids
	Second string `json:"second"`
	A      string `json:"a"` // values of the group
	B      string `json:"b"`
	MeanA  figure `json:"mean_a"` // 1: all prefer the first text, -1: all the second, ties 0
	MeanB  figure `json:"mean_b"`
	NA     int    `json:"n_a"` // labelers
	NB     int    `json:"n_b"`
	Diff   figure `json:"difference"`
	CI     *span  `json:"ci95"` // by labeler
	P      figure `json:"p"`
	Q      figure `json:"q"`
}

func differenceOf(d agree.Difference) differenceJSON {
	parts := strings.Split(d.Unit, "\x00") // as labelSet.addPairs made it
	return differenceJSON{parts[0], idOf(parts[1]), idOf(parts[2]), d.A, d.B, figure(d.MeanA), figure(d.MeanB), d.NA, d.NB,
		figure(d.Diff), spanOf(d.CI), figure(d.P), figure(d.Q)}
}

// idOf is the completion's id in a completionKey.
func idOf(key string) string {
	id, _, _ := cutLast(key, " ")
	return id
}

// report computes the figures.
func (cmd StatsDiversityCmd) report(p *pool, targets agree.Margins) (*diversityJSON, error) {
	if len(p.people) == 0 {
		return nil, fmt.Errorf("none of the %d answers names its labeler", p.unnamed)
	}
	out := &diversityJSON{Labelers: len(p.people), Answers: p.unnamed, Unnamed: p.unnamed, Pool: map[string]*groupPool{}}
	for _, n := range p.answers {
		out.Answers += int(n)
	}
	effective, _ := agree.Kish(p.answers)
	out.Effective = figure(effective)
	for _, name := range p.groupNames() {
		g := &groupPool{Values: map[string]int{}}
		counts, unknown := agree.Composition(p.people, name, smallestGroup)
		g.Unknown = unknown
		for _, c := range counts {
			if c.Value == "" {
				g.Suppressed = c.N
			} else {
				g.Values[c.Value] = c.N
			}
		}
		out.Pool[name] = g
	}
	if len(targets) > 0 {
		w, err := agree.Rake(p.people, targets, cmd.Cap)
		if err != nil {
			return nil, err
		}
		out.Weights = &weightsJSON{figure(w.Effective), figure(w.Design), figure(w.Max), w.Trimmed, figure(w.Miss)}
	}
	if cmd.By == "" {
		return out, nil
	}
	return out, cmd.compare(p, out)
}

// compare adds what the values of one group agree and differ on.
func (cmd StatsDiversityCmd) compare(p *pool, out *diversityJSON) error {
	counts, _ := agree.Composition(p.people, cmd.By, smallestGroup)
	shown := map[string]bool{}
	for _, c := range counts {
		shown[c.Value] = c.Value != ""
	}
	of := map[string]string{}
	for name, i := range p.names {
		if v := p.people[i][cmd.By]; shown[v] {
			of[name] = v
		}
	}
	if len(of) == 0 {
		return fmt.Errorf("--by %s: no value of it is shared by %d labelers", cmd.By, smallestGroup)
	}
	spread(p.set.labels)
	t, err := agree.NewTable(p.set.labels)
	if err != nil {
		return err
	}
	between, err := t.ByGroup(of, cmd.Resamples, cmd.Seed)
	if err != nil {
		return err
	}
	for _, b := range between {
		out.Agreement = append(out.Agreement, betweenOf(b))
	}
	differences := t.GroupDifferences(of, agree.GroupOptions{Least: smallestGroup, Permutations: 10 * cmd.Resamples, Seed: cmd.Seed})
	out.Tested = len(differences)
	for _, d := range differences[:min(max(cmd.Top, 0), len(differences))] {
		out.Differences = append(out.Differences, differenceOf(d))
	}
	return nil
}

// print writes the figures for people.
func (d *diversityJSON) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%d answers by %d labelers, worth %.1f equally busy ones", d.Answers, d.Labelers, float64(d.Effective))
	if d.Unnamed > 0 {
		fmt.Fprintf(w, "; %d answers by unnamed people", d.Unnamed)
	}
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(d.Pool)) {
		g := d.Pool[name]
		fmt.Fprintf(w, "\n%s\tLABELERS\n", strings.ToUpper(name))
		for _, v := range slices.Sorted(maps.Keys(g.Values)) {
			fmt.Fprintf(w, "%s\t%d\n", v, g.Values[v])
		}
		if g.Suppressed > 0 {
			fmt.Fprintf(w, "(groups too small to show)\t%d\n", g.Suppressed)
		}
		if g.Unknown > 0 {
			fmt.Fprintf(w, "(not said)\t%d\n", g.Unknown)
		}
	}
	if x := d.Weights; x != nil {
		fmt.Fprintf(w, "\nweighted to the targets: worth %.1f labelers (design effect %.2f), largest weight %.2f, %d trimmed, largest miss %.4f\n",
			float64(x.Effective), float64(x.Design), float64(x.Max), x.Trimmed, float64(x.Miss))
	}
	if len(d.Agreement) > 0 {
		fmt.Fprintln(w, "\nAGREEMENT\tVALUE\t95 % BY item\tPAIRS")
		for _, b := range d.Agreement {
			fmt.Fprintf(w, "%s – %s\t%v\t%v\t%d\n", b.A, b.B, b.Agreement, b.CI, b.N)
		}
		fmt.Fprintf(w, "\n%d differences tested\n", d.Tested)
	}
	if len(d.Differences) > 0 {
		fmt.Fprintln(w, "PROMPT\tTEXTS\tGROUPS\tMEANS\tDIFFERENCE\t95 % BY labeler\tq")
		for _, x := range d.Differences {
			fmt.Fprintf(w, "%s\t%s > %s\t%s – %s\t%.2f – %.2f\t%.2f\t%v\t%v\n", x.Prompt, x.First, x.Second, x.A, x.B,
				float64(x.MeanA), float64(x.MeanB), float64(x.Diff), x.CI, x.Q)
		}
	}
	return w.Flush()
}
