package oneliners

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"agora/policy/base"
	"agora/policy/checkpoint"
	"agora/ppo/measure"
	"agora/reward/prefs"
)

// Files that quickstart's stages read, under its "data" folder. All come out of this program.
const (
	Demos       = "one-liners.jsonl"       // demo/1: the policy's half of the texts
	Pairs       = "judgments.jsonl"        // ranked/1: every judgment within the policy's half of the texts
	JudgePairs  = "judgments-judge.jsonl"  // ranked/1: every judgment within the judge's half
	Prompts     = "openings.jsonl"         // prompt/1: openings of the policy's half
	EvalPrompts = "openings-new.jsonl"     // openings of the other half: never trained on
	Mix         = "pretraining-mix.txt.gz" // the base model's training text
	HeldOut     = "held-out.txt.gz"        // text of the same sources that nothing is trained on
)

// attribution goes into the card of every file made from the judgments.
var attribution = prefs.About{
	Licence: "Apache-2.0; Simpson, Do Dinh, Miller and Gurevych 2019, (c) UKP Lab, Technische Universität Darmstadt",
	Filters: []string{"offensive texts left out by word list and by hand, see policy/base/CARD.md"},
}

// WriteData puts the bundled data where the stages read it. The same program writes the same bytes.
func WriteData(dir string, h base.Humour) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		format  prefs.Format
		records iter.Seq2[prefs.Record, error]
	}{
		{Demos, prefs.FormatDemo, demos(h.On(base.PolicySide))},
		{Pairs, prefs.FormatRanked, rankings(h, h.Within(base.PolicySide))},
		{JudgePairs, prefs.FormatRanked, rankings(h, h.Within(base.JudgeSide))},
		{Prompts, prefs.FormatPrompt, records(Openings(h.On(base.PolicySide)))},
		{EvalPrompts, prefs.FormatPrompt, records(Openings(h.On(base.JudgeSide)))},
	} {
		if _, err := prefs.Write(filepath.Join(dir, f.name), f.format, f.records, attribution); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	for name, content := range map[string][]byte{Mix: base.CorpusGzip(), HeldOut: base.HeldOutGzip()} {
		path := filepath.Join(dir, name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
			continue
		}
		if err := checkpoint.WriteFile(path, content); err != nil {
			return err
		}
	}
	return nil
}

// KnownTexts are all texts that a policy was trained on, in the form that measure.VerbatimShare compares.
func KnownTexts(h base.Humour) map[string]bool {
	known := map[string]bool{}
	for _, t := range h.Texts {
		known[measure.Normal(t.Text)] = true
	}
	for _, t := range base.Corpus() {
		known[measure.Normal(t)] = true
	}
	return known
}
