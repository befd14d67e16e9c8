package prefs

import (
	"encoding/json"
)

// decodePrompt reads a list of messages; a plain string is one user turn.
func decodePrompt(raw json.RawMessage, dst *[]Message) error {
	if kind(raw) == "a string" {
		var text string
		if err := decodeString(raw, &text); err != nil {
			return err
		}
		*dst = Plain(text)
		return nil
	}
	if kind(raw) != "a list" {
		return faultf("must be a list of messages or a string, is %s", kind(raw))
	}
	return decodeList(decodeMessage)(raw, dst)
}

func decodeMessage(raw json.RawMessage, m *Message) error {
	var row Fields
	if err := decodeFields(raw, &row); err != nil {
		return err
	}
	o := newReader(row)
	take(o, "role", &m.Role, decodeString)
	take(o, "content", &m.Content, decodeContent)
	extra, err := o.rest()
	m.Extra = extra
	if err == nil && m.Role == "" {
		return fieldErrorf("role", "is missing")
	}
	return err
}

// decodeContent refuses the lists of parts that image and audio models use.
func decodeContent(raw json.RawMessage, dst *string) error {
	if kind(raw) == "a list" {
		return faultf("must be a string, is a list of parts: agora reads text only")
	}
	return decodeString(raw, dst)
}

func decodeCompletion(raw json.RawMessage, c *Completion) error {
	var row Fields
	if err := decodeFields(raw, &row); err != nil {
		return err
	}
	o := newReader(row)
	take(o, "id", &c.ID, decodeString)
	take(o, "text", &c.Text, decodeString)
	take(o, "policy", &c.Policy, decodeString)
	take(o, "sampling", &c.Sampling, decodeFields)
	take(o, "finish", &c.Finish, decodeString)
	take(o, "logprob", &c.LogProb, decodeNumber)
	extra, err := o.rest()
	c.Extra = extra
	if err == nil && !row.Has("text") {
		return fieldErrorf("text", "is missing")
	}
	return err
}

func decodeRating(raw json.RawMessage, r *Rating) error {
	var row Fields
	if err := decodeFields(raw, &row); err != nil {
		return err
	}
	o := newReader(row)
	take(o, "id", &r.ID, decodeString)
	take(o, "overall", &r.Overall, decodeNumber)
	take(o, "flags", &r.Flags, decodeList(decodeString))
	extra, err := o.rest()
	r.Extra = extra
	return err
}

// promptMember reads the prompt; a string's raw form goes to Extra, where the
// writer finds it and writes a string again.
func promptMember(o *objectReader, dst *[]Message) {
	take(o, "prompt", dst, decodePrompt)
	if raw, ok := o.row.Get("prompt"); ok && kind(raw) == "a string" {
		o.extra.Set("prompt", raw)
	}
}

func decodeRanked(row Fields) (*Ranked, error) {
	r := &Ranked{}
	o := newReader(row)
	o.known["schema"] = true
	take(o, "project", &r.Project, decodeString)
	take(o, "prompt_id", &r.PromptID, decodeString)
	promptMember(o, &r.Prompt)
	take(o, "lang", &r.Lang, decodeString)
	take(o, "completions", &r.Completions, decodeList(decodeCompletion))
	take(o, "ranks", &r.Ranks, decodeList(decodeRank))
	take(o, "strength", &r.Strength, decodeNumber)
	take(o, "none_acceptable", &r.NoneAcceptable, decodeBool)
	take(o, "shown_order", &r.ShownOrder, decodeList(decodeString))
	take(o, "ratings", &r.Ratings, decodeList(decodeRating))
	take(o, "prompt_flags", &r.PromptFlags, decodeList(decodeString))
	take(o, "confidence", &r.Confidence, decodeNumber)
	take(o, "note", &r.Note, decodeString)
	take(o, "worker", &r.Worker, decodeString)
	take(o, "worker_fold", &r.WorkerFold, decodeInt)
	take(o, "groups", &r.Groups, decodeGroups)
	take(o, "weight", &r.Weight, decodeNumber)
	take(o, "consent", &r.Consent, decodeString)
	take(o, "guideline_version", &r.GuidelineVersion, decodeString)
	take(o, "ui_version", &r.UIVersion, decodeString)
	take(o, "form_version", &r.FormVersion, decodeString)
	take(o, "duration_ms", &r.DurationMS, decodeInt64)
	take(o, "active_ms", &r.ActiveMS, decodeInt64)
	take(o, "answered_at", &r.AnsweredAt, decodeString)
	take(o, "split", &r.Split, decodeString)
	return finish(r, o, &r.Extra, "prompt", "completions", "ranks")
}

func decodePromptRecord(row Fields) (*Prompt, error) {
	p := &Prompt{}
	o := newReader(row)
	o.known["schema"] = true
	take(o, "prompt_id", &p.PromptID, decodeString)
	promptMember(o, &p.Prompt)
	take(o, "lang", &p.Lang, decodeString)
	take(o, "tags", &p.Tags, decodeList(decodeString))
	take(o, "source_user", &p.SourceUser, decodeString)
	take(o, "split", &p.Split, decodeString)
	return finish(p, o, &p.Extra, "prompt")
}

func decodeDemo(row Fields) (*Demo, error) {
	d := &Demo{}
	o := newReader(row)
	o.known["schema"] = true
	take(o, "prompt_id", &d.PromptID, decodeString)
	promptMember(o, &d.Prompt)
	take(o, "completion", &d.Completion, decodeString)
	take(o, "worker", &d.Worker, decodeString)
	take(o, "split", &d.Split, decodeString)
	return finish(d, o, &d.Extra, "prompt", "completion")
}

func decodeCompletions(row Fields) (*Completions, error) {
	c := &Completions{}
	o := newReader(row)
	o.known["schema"] = true
	take(o, "prompt_id", &c.PromptID, decodeString)
	promptMember(o, &c.Prompt)
	take(o, "completions", &c.Completions, decodeList(decodeCompletion))
	return finish(c, o, &c.Extra, "prompt", "completions")
}

// finish keeps the rest of the row, checks that the required members are there,
// and validates the record.
func finish[R Record](record R, o *objectReader, extra *Fields, required ...string) (R, error) {
	var none R
	rest, err := o.rest()
	if err != nil {
		return none, err
	}
	for _, name := range required {
		if !o.row.Has(name) {
			return none, fieldErrorf(name, "is missing")
		}
	}
	*extra = rest
	if err := record.Validate(); err != nil {
		return none, err
	}
	return record, nil
}
