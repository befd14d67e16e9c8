package reward

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"agora/policy"
)

// printResult writes what was trained and how good it is.
func printResult(w io.Writer, r *Result, out string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"out": out, "model": out + "/" + policy.ResultDir, "steps": r.Steps, "rankings": r.Groups.Lines, "pairs": r.Groups.Pairs,
			"ties": r.Groups.Ties, "identical": r.Groups.Identical, "groups": r.Groups.Groups, "texts": r.Groups.Texts, "truncated": r.Groups.Truncated,
			"split": r.Split.How, "dropped": r.Split.Dropped, "centred_on": r.Centred, "val": r.Val, "val_new_labelers": r.NewWorkers,
		})
	}
	fmt.Fprintf(w, "trained on %d rankings (%d pairs, %d ties) in %d steps; split %s\n", r.Groups.Used, r.Groups.Pairs, r.Groups.Ties, r.Steps, r.Split.How)
	if r.Groups.Truncated > 0 {
		fmt.Fprintf(w, "%d of %d texts were cut to fit the model\n", r.Groups.Truncated, r.Groups.Texts)
	}
	fmt.Fprintf(w, "scores are 0 on average on: %s\n", r.Centred)
	if r.Val != nil {
		fmt.Fprintf(w, "validation: %s\n", r.Val)
	} else {
		fmt.Fprintf(w, "validation: none\n")
	}
	if r.NewWorkers != nil {
		fmt.Fprintf(w, "labelers kept out of training: %s\n", r.NewWorkers)
	}
	fmt.Fprintf(w, "model in %s/%s\n", out, policy.ResultDir)
	return nil
}

// String is the report in one line.
func (r *Report) String() string {
	return fmt.Sprintf("%.1f %% of %d judgments (95 %% interval %.1f to %.1f, resampling %s); people: %s; loss %.4f, length correlation %.2f (longer wins: %.1f %%)",
		100*r.Accuracy, r.N, 100*r.CI95[0], 100*r.CI95[1], r.Clusters, r.References.Text(), r.Loss, r.Length.Correlation, 100*r.Length.LongerWins)
}

func (r *Report) print(w io.Writer) error {
	fmt.Fprintln(w, r)
	for i, m := range r.Members {
		fmt.Fprintf(w, "member %d alone: %.1f %%, loss %.4f\n", i+1, 100*m.Accuracy, m.Loss)
	}
	if len(r.Members) > 0 {
		fmt.Fprintf(w, "the members' margins deviate by %.2f on average\n", r.Unsure)
	}
	if r.Ties > 0 {
		fmt.Fprintf(w, "%d ties left out\n", r.Ties)
	}
	if r.Identical > 0 {
		fmt.Fprintf(w, "%d pairs of one text twice left out\n", r.Identical)
	}
	r.printCalibration(w)
	printParts(w, "group", r.ByGroup)
	printParts(w, "labeler fold", r.ByLabelerFold)
	printParts(w, "strength", r.ByStrength)
	printParts(w, "agreement", r.ByAgreement)
	return nil
}

func printParts(w io.Writer, what string, parts map[string]Part) {
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		p := parts[name]
		fmt.Fprintf(w, "%s %s: %.1f %% of %d (%.1f to %.1f)", what, name, 100*p.Accuracy, p.N, 100*p.CI95[0], 100*p.CI95[1])
		if p.Raters != nil {
			fmt.Fprintf(w, "; people: %s", p.References.Text())
		}
		fmt.Fprintln(w)
	}
}
