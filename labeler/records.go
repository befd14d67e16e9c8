package labeler

import (
	"encoding/json"
	"fmt"
	"slices"

	"agora/db"
	"agora/reward/prefs"
)

// A record's line comes apart into columns (prompt, texts, policies, ranks and
// what statistics need) and a rest that is kept as it was written. lineOf puts
// the same line together again; what agora does not know travels in the rest.

// fieldsOf is a value as the members of its JSON object, in order.
func fieldsOf(v json.Marshaler) (prefs.Fields, error) {
	b, err := v.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var f prefs.Fields
	return f, f.UnmarshalJSON(b)
}

// text is an object as one column, empty for none.
func text(f prefs.Fields) (string, error) {
	if len(f) == 0 {
		return "", nil
	}
	b, err := f.MarshalJSON()
	return string(b), err
}

// itemOf takes a record apart.
func itemOf(r prefs.Record) (db.NewItem, error) {
	line, err := fieldsOf(r)
	if err != nil {
		return db.NewItem{}, err
	}
	prompt, _ := line.Get("prompt")
	in := db.NewItem{PromptJSON: string(prompt)}
	rest := line.Without("prompt")
	switch r := r.(type) {
	case *prefs.Ranked:
		in.Kind, in.PromptID, in.Lang = db.ItemRank, r.PromptID, r.Lang
		if in.Completions, err = completionsOf(r.Completions); err != nil {
			return in, err
		}
		in.Answer, err = answerOf(r, rest.Without("completions"))
		return in, err
	case *prefs.Completions:
		in.Kind, in.PromptID = db.ItemRank, r.PromptID
		if in.Completions, err = completionsOf(r.Completions); err != nil {
			return in, err
		}
		rest = rest.Without("schema", "prompt_id", "completions")
		if raw, ok := rest.Get("lang"); ok {
			_ = json.Unmarshal(raw, &in.Lang) // kept with the rest as well; anything but a string names no language
		}
	case *prefs.Prompt:
		in.Kind, in.PromptID, in.Lang = db.ItemPrompt, r.PromptID, r.Lang
	case *prefs.Demo:
		in.Kind, in.PromptID = db.ItemDemo, r.PromptID
		in.Completions = []db.NewCompletion{{Text: r.Completion, Policy: "demo"}}
		rest = rest.Without("completion")
	}
	if in.Kind == db.ItemRank || in.Kind == db.ItemPrompt {
		rest = takeKey(&in, rest)
	}
	in.Extra, err = text(rest)
	return in, err
}

// takeKey takes what an item is for, and its known answer, out of the rest. A
// purpose that is none of ours, without a solution, is somebody else's member.
func takeKey(in *db.NewItem, rest prefs.Fields) prefs.Fields {
	raw, _ := rest.Get("purpose")
	solution, known := rest.Get("solution")
	purpose := ""
	_ = json.Unmarshal(raw, &purpose) // anything but a string is no purpose
	if !slices.Contains(db.KeyPurposes, purpose) && (purpose == "" || !known) {
		return rest
	}
	in.Purpose, in.Solution = purpose, string(solution)
	return rest.Without("purpose", "solution")
}

// completionsOf takes texts apart.
func completionsOf(cs []prefs.Completion) ([]db.NewCompletion, error) {
	out := make([]db.NewCompletion, len(cs))
	for i, c := range cs {
		rest, err := fieldsOf(c)
		if err != nil {
			return nil, err
		}
		rest = rest.Without("id", "text")
		if c.Policy != "" {
			rest = rest.Without("policy")
		}
		out[i] = db.NewCompletion{ExtID: c.ID, Text: c.Text, Policy: c.Policy}
		if out[i].Extra, err = text(rest); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// answerOf takes a judgement apart.
func answerOf(r *prefs.Ranked, rest prefs.Fields) (*db.NewAnswer, error) {
	extra, err := text(rest)
	return &db.NewAnswer{
		Worker: r.Worker, Ranks: r.Ranks, Strength: r.Strength, NoneAcceptable: r.NoneAcceptable,
		Confidence: r.Confidence, Note: r.Note, Shown: r.ShownOrder, DurationMS: or0(r.DurationMS), ActiveMS: or0(r.ActiveMS),
		Guideline: r.GuidelineVersion, UIVersion: r.UIVersion, Form: r.FormVersion, Details: detailsOf(rest),
		Answered: db.AtMillis(r.Answered()), Extra: extra,
	}, err
}

func or0(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// lineOf puts the line of a record together: an answer's as ranked/1, a text
// that a labeler wrote as what it is, else the item's own kind.
func lineOf(p db.Project, r db.Record) (prefs.Fields, error) {
	switch {
	case r.Answer != nil && r.Item.Kind == db.ItemDemo:
		return demoLine(p, r)
	case r.Answer != nil && r.Item.Kind == db.ItemPrompt:
		return promptLine(p, r)
	case r.Answer != nil && r.Answer.UserID != 0:
		return siteLine(p, r)
	case r.Answer != nil:
		return assemble(r, r.Answer.Extra, "")
	case r.Item.Kind == db.ItemRank:
		return assemble(r, r.Item.Extra, prefs.SchemaCompletions)
	}
	return assemble(r, r.Item.Extra, "")
}

// assemble adds prompt and texts to the rest of an imported line. A schema is
// given for lines whose rest does not hold it.
func assemble(r db.Record, rest, schema string) (prefs.Fields, error) {
	var kept, line prefs.Fields
	if err := kept.UnmarshalJSON([]byte(orObject(rest))); err != nil {
		return nil, fmt.Errorf("item %d: %w", r.Item.ID, err)
	}
	if schema != "" {
		line.Set("schema", quote(schema))
		line.Set("prompt_id", quote(r.Item.PromptID))
	}
	line = append(line, kept...)
	line.Set("prompt", json.RawMessage(r.Item.Prompt))
	if r.Item.Kind == db.ItemDemo && len(r.Completions) == 1 {
		line.Set("completion", quote(r.Completions[0].Text))
	}
	if r.Item.Kind != db.ItemRank {
		return line, nil
	}
	texts, err := completionLines(r.Completions)
	line.Set("completions", texts)
	return line, err
}

// completionLines puts texts together again.
func completionLines(cs []db.Completion) (json.RawMessage, error) {
	list := make([]prefs.Fields, len(cs))
	for i, c := range cs {
		var rest prefs.Fields
		if err := rest.UnmarshalJSON([]byte(orObject(c.Extra))); err != nil {
			return nil, fmt.Errorf("completion %d: %w", c.ID, err)
		}
		list[i].Set("id", quote(c.ExtID))
		list[i].Set("text", quote(c.Text))
		if c.Policy != "" {
			list[i].Set("policy", quote(c.Policy))
		}
		list[i] = append(list[i], rest...)
	}
	return json.Marshal(list)
}

func orObject(text string) string {
	if text == "" {
		return "{}"
	}
	return text
}

// quote is a string as JSON; a string always has one.
func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s)
	return b
}
