package db

import (
	"fmt"
	"slices"
	"strings"
)

// Presets of task forms.
const (
	PresetRankOnly    = "rank-only"
	PresetInstructGPT = "instructgpt"
	PresetHelpful     = "helpful-harmless"
	PresetSummaries   = "summaries"
	PresetPairwise    = "pairwise-5"
)

// Presets lists their names, the default first.
var Presets = []string{PresetRankOnly, PresetInstructGPT, PresetHelpful, PresetSummaries, PresetPairwise}

// PresetForm is a preset as the form of a kind of task.
func PresetForm(preset, kind string) (Form, error) {
	f := DefaultForm(kind)
	f.Preset = preset
	switch preset {
	case PresetRankOnly, PresetPairwise:
		f.Axes, f.NeedRatings = nil, false
	case PresetInstructGPT:
		f.Axes, f.Flags, f.PromptFlags = scales("overall"), flags(table3, "hallucination", "satisfies_constraint"), flags(table7)
		f.RateFirst, f.NeedRatings = ranks(kind), true
	case PresetHelpful:
		f.Axes, f.NeedRatings = scales("helpful", "harmless"), true
	case PresetSummaries:
		f.Axes, f.NeedRatings = scales("overall", "accuracy", "coverage", "coherence"), true
	default:
		return f, Invalid("form", "%q is none of %s", preset, strings.Join(Presets, ", "))
	}
	if writes(kind) { // there is nothing to rate
		f.Axes, f.Flags, f.NeedRatings = nil, nil, false
	}
	return f, f.Validate(kind)
}

// DefaultForm is the form of a new project when no preset is asked for.
func DefaultForm(kind string) Form {
	f := Form{MinK: 2, MaxK: 9, Ties: true, Steps: 5, AskConfidence: true, AskNote: true, NeedRanks: true}
	switch kind {
	case KindRank:
		f.Preset = PresetRankOnly
	case KindPairwise:
		f.Preset, f.MaxK = PresetPairwise, 2
	case KindRating:
		f.Axes, f.NeedRatings = scales("overall"), true
	case KindDemo, KindPrompt:
		f.AskConfidence = false
	}
	return f
}

// firstForm is the form that a new project begins with.
func firstForm(p Project) (Form, error) {
	if p.Form == "" {
		return DefaultForm(p.Kind), nil
	}
	return PresetForm(p.Form, p.Kind)
}

// PresetKind is the kind of task that a preset is meant for.
func PresetKind(preset string) string {
	if preset == PresetPairwise {
		return KindPairwise
	}
	return KindRank
}

// scales are axes from 1 to 7, named by the catalogue.
func scales(keys ...string) []Axis {
	list := make([]Axis, len(keys))
	for i, key := range keys {
		list[i] = Axis{Key: key, Min: 1, Max: 7}
	}
	return list
}

// flags are named by the catalogue; na lists those that make no sense for some prompts.
func flags(keys []string, na ...string) []Flag {
	list := make([]Flag, len(keys))
	for i, key := range keys {
		list[i] = Flag{Key: key, NA: slices.Contains(na, key)}
	}
	return list
}

// The metadata of InstructGPT (Ouyang et al. 2022, arXiv:2203.02155): Table 3
// per output, without its overall quality, and Table 7 per prompt.
var (
	table3 = []string{"fails_task", "inappropriate_assistant", "hallucination", "satisfies_constraint", "sexual_content", "violent_content",
		"encourages_harm", "denigrates_protected_class", "harmful_advice", "expresses_opinion", "moral_judgment"}
	table7 = []string{"ambiguous", "sensitive_content", "identity_dependent", "closed_domain", "continuation_style", "opinionated_content",
		"requests_advice", "requests_moral_judgment", "safety_constraints", "other_constraints", "intent_unclear"}
)

// Use cases of prompts (InstructGPT, Table 1) and the ways in which its labelers wrote them.
var (
	UseCases = []string{"generation", "open_qa", "brainstorming", "chat", "rewrite", "summarization", "classification", "closed_qa", "extract", "other"}
	Styles   = []string{StylePlain, StyleFewShot, StyleUserBased}
)

// Styles of written prompts.
const (
	StylePlain     = "plain"      // any task
	StyleFewShot   = "few_shot"   // an instruction with queries and their responses
	StyleUserBased = "user_based" // for a use case that somebody stated
)

// KindNames lists the kinds for messages: "rank, pairwise, …".
func KindNames() string { return strings.Join(Kinds, ", ") }

// FormName is how answers and records call a version: "f2".
func FormName(version int) string { return fmt.Sprintf("f%d", version) }
