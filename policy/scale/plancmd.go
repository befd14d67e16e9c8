package scale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"agora/policy"
)

// PlanCmd is `agora policy plan`.
type PlanCmd struct {
	common
	Flops  string  `name:"flops" placeholder:"C" help:"Budget in FLOPs, such as 5.76e23."`
	Hours  float64 `name:"hours" placeholder:"H" help:"Budget in hours on this machine."`
	GFLOPS float64 `name:"gflops" placeholder:"G" help:"Speed of training on this machine as agora bench train prints it; without it --hours measures some seconds of training."`
	Params string  `name:"params" placeholder:"N" help:"A size instead of a budget, such as 175B: how many tokens does it want?"`
	Table  bool    `name:"table" help:"The published table, with the deviation of every formula."`

	Fit       bool     `name:"fit" help:"Fit L(N, D) = E + A/N^α + B/D^β to one's own runs, and plan by it."`
	Resamples int      `name:"resamples" default:"1000" help:"Bootstrap samples for the intervals of --fit: at least 100, or 0 for none."`
	Runs      []string `arg:"" optional:"" name:"runs" type:"path" help:"For --fit: folders of policy isoflop, runs of policy pretrain, or JSON lines with params, tokens and loss."`
}

// Help is shown by --help.
func (*PlanCmd) Help() string {
	return `How large a model, on how many tokens, does a budget buy? Chinchilla's three approaches, the third
with both sets of constants, and Kaplan's beside them. Recommended are 20 tokens a parameter. All were
fitted on models above some 70M parameters: below, fit your own runs.
Budgets of 1e9 to 1e30 FLOPs and sizes of 1e3 to 1e15 parameters are taken.

  agora policy plan --flops 5.76e23
  agora policy plan --hours 24 --gflops 150
  agora policy plan --params 175B --json
  agora policy plan --table
  agora policy plan --fit isoflop --flops 1e15
  agora policy plan --fit runs/*`
}

// planResult is what the command prints.
type planResult struct {
	Flops       float64      `json:"budget_flops,omitempty"`
	Hours       float64      `json:"budget_hours,omitempty"`
	GFLOPS      float64      `json:"gflops,omitempty"`
	Measured    bool         `json:"measured,omitempty"` // GFLOPS is of this machine, just now
	Params      float64      `json:"given_params,omitempty"`
	Recommended string       `json:"recommended"`
	Methods     []Allocation `json:"methods,omitempty"`
	Fit         *LawFit      `json:"fit,omitempty"`
}

// Run plans.
func (c *PlanCmd) Run(ctx context.Context) error {
	if c.Table {
		if c.Fit || len(c.Runs) > 0 || c.Flops != "" || c.Hours != 0 || c.Params != "" {
			return errors.New("--table stands alone")
		}
		return printTable(os.Stdout, c.JSON)
	}
	r, err := c.plan(func() (float64, error) { return policy.MeasureGFLOPS(ctx, c.Workers, "M") })
	if err != nil {
		return err
	}
	return r.print(os.Stdout, c.JSON)
}

// plan checks the flags; measure is called where the budget is in hours and no speed is given.
func (c *PlanCmd) plan(measure func() (float64, error)) (planResult, error) {
	r := planResult{Recommended: defaultMethod, GFLOPS: c.GFLOPS}
	if c.Fit != (len(c.Runs) > 0) {
		return r, errors.New("--fit and the runs to fit go together: agora policy plan --fit RUNS…")
	}
	given := 0
	for _, is := range []bool{c.Flops != "", c.Hours != 0, c.Params != ""} {
		if is {
			given++
		}
	}
	if given > 1 || given == 0 && !c.Fit {
		return r, errors.New("one of --flops, --hours, --params or --table is needed")
	}
	if c.GFLOPS < 0 || math.IsNaN(c.GFLOPS) || math.IsInf(c.GFLOPS, 0) {
		return r, fmt.Errorf("--gflops %g: must be positive", c.GFLOPS)
	}
	if c.Fit {
		if err := c.fit(&r); err != nil || given == 0 {
			return r, err
		}
	}
	var err error
	switch {
	case c.Flops != "":
		if r.Flops, err = countWithin("--flops", c.Flops, flopsRange); err != nil {
			return r, err
		}
	case c.Params != "":
		if r.Params, err = countWithin("--params", c.Params, paramsRange); err != nil {
			return r, err
		}
	default:
		if !(c.Hours > 0) || math.IsInf(c.Hours, 0) {
			return r, fmt.Errorf("--hours %g: must be positive", c.Hours)
		}
		if r.GFLOPS == 0 {
			if r.GFLOPS, err = measure(); err != nil {
				return r, err
			}
			r.Measured = true
		}
		r.Hours, r.Flops = c.Hours, c.Hours*3600*r.GFLOPS*1e9
		if err := flopsRange.check(r.Flops); err != nil {
			return r, fmt.Errorf("--hours %g at %g GFLOP/s: %w", c.Hours, r.GFLOPS, err)
		}
	}
	r.Methods = Allocate(r.Flops, r.Params, r.GFLOPS*1e9, r.Fit)
	return r, r.Methods[0].check()
}

// fit reads the runs and fits the law.
func (c *PlanCmd) fit(r *planResult) error {
	runs, err := ReadRuns(c.Runs)
	if err != nil {
		return err
	}
	if err := checkResamples("--resamples", c.Resamples); err != nil {
		return err
	}
	f, err := FitLaw(runs, c.Resamples, 1)
	if err != nil {
		return err
	}
	r.Fit, r.Recommended = &f, ownMethod
	return f.check()
}

func (r planResult) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var b strings.Builder
	if r.Fit != nil {
		r.Fit.table(&b)
		if len(r.Methods) == 0 {
			_, err := io.WriteString(w, b.String())
			return err
		}
		b.WriteString("\n")
	}
	switch {
	case r.Params > 0:
		fmt.Fprintf(&b, "What %s parameters want:\n\n", human(r.Params))
	case r.Hours > 0:
		how := "given"
		if r.Measured {
			how = "measured now"
		}
		fmt.Fprintf(&b, "What %g hours at %.0f GFLOP/s (%s) buy, %.3g FLOPs:\n\n", r.Hours, r.GFLOPS, how, r.Flops)
	default:
		fmt.Fprintf(&b, "What %.3g FLOPs buy:\n\n", r.Flops)
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "method\tparameters\ttokens\ttokens/parameter\tFLOPs\ta/b\tloss\thours")
	for _, a := range r.Methods {
		loss, hours, mark := "", "", ""
		if a.Loss != nil {
			loss = fmt.Sprintf("%.3f", *a.Loss)
		}
		if a.Hours > 0 {
			hours = fmt.Sprintf("%.3g", a.Hours)
		}
		if a.Recommended {
			mark = " *"
		}
		fmt.Fprintf(t, "%s%s\t%s\t%s\t%.1f\t%.3g\t%.2f/%.2f\t%s\t%s\n", a.Method, mark, human(a.Params), human(a.Tokens), a.TokensPerParam, a.Flops, a.ExponentN, a.ExponentD, loss, hours)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\n* recommended. Each loss is its own law's, in nats per token of its own data and tokenizer.\n")
	b.WriteString(r.extrapolation())
	_, err := io.WriteString(w, b.String())
	return err
}

// extrapolation warns where a plan leaves the sizes that its constants were fitted on.
func (r planResult) extrapolation() string {
	text := ""
	if f := r.Fit; f != nil {
		if own := r.Methods[0]; own.Params < f.MinParams || own.Params > f.MaxParams || own.Flops > 2*f.MaxFlops {
			text = fmt.Sprintf("Your own runs had %s to %s parameters and up to %.2g FLOPs: beyond, their law is an extrapolation.\n", human(f.MinParams), human(f.MaxParams), f.MaxFlops)
		}
	}
	if r.Methods[len(r.Methods)-1].Params < smallestFitted || r.Methods[0].Params < smallestFitted {
		text += fmt.Sprintf("The published constants were fitted on models above some %s parameters: here they are an extrapolation.\n", human(smallestFitted))
	}
	return text
}

// table prints the constants with their intervals.
func (f LawFit) table(w io.Writer) {
	fmt.Fprintf(w, "L(N, D) = E + A/N^α + B/D^β, fitted to %d runs of %s to %s parameters:\n\n", f.Runs, human(f.MinParams), human(f.MaxParams))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "E\t%.4f\nA\t%.4g\nB\t%.4g\n", f.E, f.A, f.B)
	for _, c := range []struct {
		name  string
		value float64
		in    *Interval
	}{{"α", f.Alpha, f.AlphaInterval}, {"β", f.Beta, f.BetaInterval}, {"a (N ∝ C^a)", f.ExponentN, f.NInterval}, {"b (D ∝ C^b)", f.ExponentD, f.DInterval}} {
		fmt.Fprintf(t, "%s\t%.3f%s\n", c.name, c.value, c.in.text(3))
	}
	t.Flush()
	fmt.Fprintf(w, "\n%s Losses are off by %.2f %% (root mean square), %.2f %% at most.\n", drawnText(f.Bootstrap, f.Used), 100*f.RMS, 100*f.Worst)
}

// printTable prints the published rows and, beside each, what the formulas give.
func printTable(w io.Writer, asJSON bool) error {
	rows := Table()
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"rows": rows})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "parameters\tA1 FLOPs\tA1 tokens\tA2 tokens\tA3 tokens"
	for _, m := range methods() {
		head += "\t" + m.Name
	}
	fmt.Fprintln(t, head)
	for _, r := range rows {
		line := fmt.Sprintf("%s\t%.3g", human(r.Params), r.Flops)
		for _, approach := range []string{"approach-1", "approach-2", "approach-3"} {
			if x := r.Published[approach].Tokens; x != nil {
				line += "\t" + human(*x)
			} else {
				line += "\t–"
			}
		}
		for _, m := range methods() {
			b := r.Computed[m.Name]
			line += "\t" + human(b.Tokens)
			if b.Deviation != nil {
				line += fmt.Sprintf(" (%+.1f%%)", 100**b.Deviation)
			}
		}
		fmt.Fprintln(t, line)
	}
	return t.Flush()
}

// human is 3.675e12 as "3.67T".
func human(x float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= u.size {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", x/u.size), ".0") + u.name
		}
	}
	return fmt.Sprintf("%.0f", x)
}
