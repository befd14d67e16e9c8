package labeler

import (
	"encoding/json"
	"fmt"
	"time"

	"agora/db"
	"agora/reward/prefs"
)

// detailMembers are the members of a ranked/1 line that an answer's details
// hold, under the same names.
var detailMembers = []string{"ratings", "prompt_flags", "prompt_flags_no", "prompt_flags_na"}

// detailsOf takes an imported line's ratings and flags apart for statistics.
// The line itself is kept as it was written, so what cannot be read here is
// not lost.
func detailsOf(line prefs.Fields) string {
	var found prefs.Fields
	for _, name := range detailMembers {
		if raw, ok := line.Get(name); ok && string(raw) != "null" {
			found.Set(name, raw)
		}
	}
	details, err := text(found)
	if _, bad := (db.Answer{Details: details}).ParseDetails(); err != nil || bad != nil {
		return ""
	}
	return details
}

// addDetails gives a line the ratings and flags of an answer.
func addDetails(line prefs.Fields, a db.Answer) (prefs.Fields, error) {
	var details prefs.Fields
	if err := details.UnmarshalJSON([]byte(orObject(a.Details))); err != nil {
		return nil, fmt.Errorf("answer %d: details: %w", a.ID, err)
	}
	for _, name := range detailMembers {
		if raw, ok := details.Get(name); ok {
			line.Set(name, raw)
		}
	}
	return line, nil
}

// demoLine writes an answer to a prompt as demo/1.
func demoLine(p db.Project, r db.Record) (prefs.Fields, error) {
	line, err := fieldsOf(&prefs.Demo{PromptID: r.Item.PromptID, Completion: r.Completions[0].Text, Worker: r.Answer.Worker,
		Split: promptSplit(p, r.Item.PromptID)})
	if err != nil {
		return nil, err
	}
	line.Set("prompt", json.RawMessage(r.Item.Prompt))
	if r.Item.Lang != "" {
		line.Set("lang", quote(r.Item.Lang))
	}
	if line, err = addDetails(line, *r.Answer); err != nil {
		return nil, err
	}
	return addRest(addOrigin(line, *r.Answer), r.Item.Extra)
}

// promptLine writes a prompt that a labeler wrote as prompt/1: its use case and
// its style are its tags, its writer the source_user.
func promptLine(p db.Project, r db.Record) (prefs.Fields, error) {
	d, err := r.Answer.ParseDetails()
	if err != nil {
		return nil, err
	}
	line, err := fieldsOf(&prefs.Prompt{PromptID: r.Item.PromptID, Lang: r.Item.Lang, Tags: []string{d.Written.UseCase, d.Written.Style},
		SourceUser: r.Answer.Worker, Split: promptSplit(p, r.Item.PromptID)})
	if err != nil {
		return nil, err
	}
	line.Set("prompt", json.RawMessage(r.Item.Prompt))
	if line, err = addDetails(line, *r.Answer); err != nil {
		return nil, err
	}
	return addOrigin(line, *r.Answer), nil
}

// addOrigin says under which rules a text was written, how long it took, and when.
func addOrigin(line prefs.Fields, a db.Answer) prefs.Fields {
	for _, m := range []struct{ name, value string }{
		{"note", a.Note}, {"guideline_version", a.Guideline}, {"form_version", a.Form}, {"ui_version", a.UIVersion},
		{"answered_at", a.Answered.Time().Format(time.RFC3339Nano)},
	} {
		if m.value != "" {
			line.Set(m.name, quote(m.value))
		}
	}
	line.Set("duration_ms", json.RawMessage(fmt.Sprint(a.DurationMS)))
	return line
}
