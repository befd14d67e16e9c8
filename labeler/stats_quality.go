package labeler

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
	"agora/views"
)

// StatsQualityCmd is `agora stats quality`.
type StatsQualityCmd struct {
	Judgements
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Help shows how to use the command.
func (StatsQualityCmd) Help() string {
	return `The figures of a project's quality page, for every labeler by pseudonym: known
answers right (gold items), the same again (repeated items), agreement with peers,
leaning to what is shown first, how flags fit with everybody's (MACE and
Dawid-Skene), times, and whether the agreement changed on the way. Gold and
repeated items are known to a database only, not to files.

A reason to look is a reason to look, not a verdict: nothing is blocked by it.

Examples:
  agora stats quality --db study.db --project jokes
  agora stats quality --data ranked.jsonl.gz --json`
}

// Run computes and prints the figures.
func (cmd StatsQualityCmd) Run(ctx context.Context) error {
	o := newOpinions()
	err := cmd.each(ctx, func(r *prefs.Ranked) error {
		o.add(r)
		return nil
	})
	if err != nil {
		return err
	}
	of := map[string]*checksOf{}
	if cmd.Project != "" {
		err := cmd.existing(ctx, func(store *db.Store) error {
			p, err := store.ProjectByName(ctx, cmd.Project)
			if err != nil {
				return err
			}
			if err := o.addMembers(ctx, store, p); err != nil {
				return err
			}
			of, err = checks(ctx, store, p)
			return err
		})
		if err != nil {
			return err
		}
	}
	q, err := interruptible(ctx, func() (quality, error) { return o.quality(of, nil) })
	if err != nil {
		return err
	}
	out := qualityReport(ctx, q)
	if cmd.JSON {
		return printJSON(out)
	}
	return out.print(os.Stdout)
}

// qualityJSON is the command's answer.
type qualityJSON struct {
	Items    int          `json:"n_items"`
	Answers  int          `json:"n_answers"`
	Labelers int          `json:"n_labelers"`
	CIBy     string       `json:"ci95_by"`            // of the agreement: labeler, item or none
	Pairwise shareJSON    `json:"pairwise_agreement"` // ties left out
	Flags    []flagLine   `json:"flags,omitempty"`
	Team     driftJSON    `json:"drift"` // of all labelers together, item by item
	People   []personJSON `json:"labelers"`
}

// shareJSON is a share with its interval.
type shareJSON struct {
	Share figure `json:"share"`
	CI    *span  `json:"ci95"`
	N     int    `json:"n"`
}

func shareLine(s agree.Share) shareJSON { return shareJSON{figure(s.Rate), spanOf(s.CI), s.N} }

// flagLine is the agreement about one flag.
type flagLine struct {
	Flag  string `json:"flag"`
	Of    string `json:"of"` // completions or prompts
	Given int    `json:"given"`
	N     int    `json:"n"`
	Alpha figure `json:"krippendorff_alpha"`
	CI    *span  `json:"ci95"`
}

// driftJSON is the test for a change on the way.
type driftJSON struct {
	N      int       `json:"n"`
	At     int       `json:"at"` // scores before the likeliest change
	Before shareJSON `json:"before"`
	After  shareJSON `json:"after"`
	P      figure    `json:"p"`
	Q      figure    `json:"q"` // after Benjamini–Hochberg over the labelers
}

func driftLine(d agree.Drift) driftJSON {
	return driftJSON{d.N, d.At, shareLine(d.Before), shareLine(d.After), figure(d.P), figure(d.Q)}
}

// personJSON is one labeler.
type personJSON struct {
	Labeler string    `json:"labeler"`
	Answers int       `json:"n_answers"`
	Gold    shareJSON `json:"gold"`
	Again   shareJSON `json:"same_again"`
	Peers   shareJSON `json:"agreement"`
	Side    sideJSON  `json:"side"`
	Flags   trustJSON `json:"flags_competence"`
	NFlags  int       `json:"n_flags"`
	Seconds speedJSON `json:"seconds"`
	Drift   driftJSON `json:"drift"`
	Golden  driftJSON `json:"drift_gold"`
	Look    []string  `json:"look,omitempty"` // reasons to look, in words
}

// qualityReport is the figures as the command prints them.
func qualityReport(ctx context.Context, q quality) qualityJSON {
	out := qualityJSON{Items: q.Items, Answers: q.Answers, Labelers: q.Labelers, CIBy: string(q.By),
		Pairwise: shareJSON{Share: figure(math.NaN())}, Team: driftLine(q.Team), People: []personJSON{}}
	for _, m := range q.Measures {
		if m.Name == "agree.percent" && m.Ties == "agree.ties.drop" {
			out.Pairwise = shareJSON{figure(m.Value), spanOf(m.CI), m.N}
		}
	}
	for _, m := range q.Flags {
		of := "completions"
		if m.Of == "agree.on.promptflags" {
			of = "prompts"
		}
		out.Flags = append(out.Flags, flagLine{m.Axis, of, m.Given, m.N, figure(m.Value), spanOf(m.CI)})
	}
	for _, p := range q.People {
		line := personJSON{
			Labeler: p.Worker, Answers: p.Answers, Gold: shareLine(p.Checks.Gold), Again: shareLine(p.Checks.Repeats),
			Peers: shareJSON{figure(p.Peers.Agreement), spanOf(p.Peers.CI), p.Peers.Units},
			Side: sideJSON{Share: figure(p.Side.Share), CI: spanOf(p.Side.CI), N: p.Side.Earlier + p.Side.Later, P: figure(p.Side.P), Q: figure(p.Side.Q),
				Common: figure(p.Noisy.Care), ToFirst: figure(p.Noisy.ToFirst)},
			Flags: trustJSON{figure(p.Flags.MACE), figure(p.Flags.DawidSkene)}, NFlags: p.Flags.N,
			Seconds: speedJSON{p.Speed.N, figure(p.Speed.P10), figure(p.Speed.Median), figure(p.Speed.P90), figure(p.Speed.Against)},
			Drift:   driftLine(p.Drift), Golden: driftLine(p.Checks.Drift),
		}
		for _, key := range p.Look {
			line.Look = append(line.Look, views.T(ctx, key))
		}
		out.People = append(out.People, line)
	}
	return out
}

// print writes the figures for people.
func (q qualityJSON) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%d items, %d answers, %d labelers\n", q.Items, q.Answers, q.Labelers)
	fmt.Fprintf(w, "two people agree on which text is better in %v of cases, 95 %% by %s %v, ties left out, n %d\n", q.Pairwise.Share, q.CIBy, q.Pairwise.CI, q.Pairwise.N)
	if len(q.Flags) > 0 {
		fmt.Fprintln(w, "\nFLAG\tOF\tGIVEN\tN\tα\t95 %")
		for _, f := range q.Flags {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%v\t%v\n", f.Flag, f.Of, f.Given, f.N, f.Alpha, f.CI)
		}
	}
	fmt.Fprintln(w, "\nLABELER\tANSWERS\tGOLD\tSAME AGAIN\tWITH PEERS\t95 % BY item\tEARLIER SHOWN\tMACE\tMEDIAN s\tDRIFT q\tWORTH A LOOK")
	for _, p := range q.People {
		fmt.Fprintf(w, "%s\t%d\t%v (%d)\t%v (%d)\t%v\t%v\t%v\t%v\t%v\t%v\t%s\n", p.Labeler, p.Answers, p.Gold.Share, p.Gold.N, p.Again.Share, p.Again.N,
			p.Peers.Share, p.Peers.CI, p.Side.Share, p.Flags.MACE, p.Seconds.Median, p.Drift.Q, strings.Join(p.Look, "; "))
	}
	return w.Flush()
}
