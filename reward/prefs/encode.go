package prefs

import "encoding/json"

// recordWriter writes known members that are not empty, falls back to what the
// source line wrote for those that are, and ends with the unknown members.
type recordWriter struct {
	objectWriter
	extra Fields
	known map[string]bool
}

func newWriter(extra Fields) *recordWriter {
	return &recordWriter{extra: extra, known: map[string]bool{}}
}

// member writes v unless it is empty.
func (w *recordWriter) member(name string, empty bool, v any) {
	w.known[name] = true
	if !empty {
		w.value(name, v)
	} else if raw, ok := w.extra.Get(name); ok {
		w.raw(name, raw)
	}
}

func (w *recordWriter) str(name, v string) { w.member(name, v == "", v) }

// prompt writes messages, or one string where the source line did and the text is still the same.
func (w *recordWriter) prompt(p []Message) {
	w.known["prompt"] = true
	raw, ok := w.extra.Get("prompt")
	var text string
	isString := ok && json.Unmarshal(raw, &text) == nil && !isNull(raw)
	if isString && len(p) == 1 && p[0].Role == "user" && p[0].Content == text {
		w.raw("prompt", raw)
		return
	}
	if p == nil {
		p = []Message{}
	}
	w.value("prompt", p)
}

// finish appends the unknown members.
func (w *recordWriter) finish() ([]byte, error) {
	for _, f := range w.extra {
		if !w.known[f.Name] {
			w.raw(f.Name, f.Value)
		}
	}
	return w.close()
}

// MarshalJSON writes the message.
func (m Message) MarshalJSON() ([]byte, error) {
	w := newWriter(m.Extra)
	w.str("role", m.Role)
	_, contentAsWritten := m.Extra.Get("content")
	w.member("content", m.Content == "" && contentAsWritten, m.Content)
	return w.finish()
}

// UnmarshalJSON reads {"role","content"} and keeps what else is there.
func (m *Message) UnmarshalJSON(data []byte) error { return decodeMessage(data, m) }

// MarshalJSON writes the completion.
func (c Completion) MarshalJSON() ([]byte, error) {
	w := newWriter(c.Extra)
	w.str("id", c.ID)
	w.member("text", false, c.Text)
	w.str("policy", c.Policy)
	w.member("sampling", len(c.Sampling) == 0, c.Sampling)
	w.str("finish", c.Finish)
	w.member("logprob", c.LogProb == nil, c.LogProb)
	return w.finish()
}

// UnmarshalJSON reads the completion and keeps what it does not know.
func (c *Completion) UnmarshalJSON(data []byte) error { return decodeCompletion(data, c) }

// MarshalJSON writes the rating.
func (r Rating) MarshalJSON() ([]byte, error) {
	w := newWriter(r.Extra)
	w.str("id", r.ID)
	w.member("overall", r.Overall == nil, r.Overall)
	w.member("flags", len(r.Flags) == 0, r.Flags)
	return w.finish()
}

// UnmarshalJSON reads the rating and keeps further axes.
func (r *Rating) UnmarshalJSON(data []byte) error { return decodeRating(data, r) }

// MarshalJSON writes the line without its newline.
func (r *Ranked) MarshalJSON() ([]byte, error) {
	w := newWriter(r.Extra)
	w.str("schema", SchemaRanked)
	w.str("project", r.Project)
	w.str("prompt_id", r.PromptID)
	w.prompt(r.Prompt)
	w.str("lang", r.Lang)
	w.member("completions", false, r.Completions)
	w.member("ranks", false, r.Ranks)
	w.member("strength", r.Strength == nil, r.Strength)
	w.member("none_acceptable", !r.NoneAcceptable, true)
	w.member("shown_order", len(r.ShownOrder) == 0, r.ShownOrder)
	w.member("ratings", len(r.Ratings) == 0, r.Ratings)
	w.member("prompt_flags", len(r.PromptFlags) == 0, r.PromptFlags)
	w.member("confidence", r.Confidence == nil, r.Confidence)
	w.str("note", r.Note)
	w.str("worker", r.Worker)
	w.member("worker_fold", r.WorkerFold == nil, r.WorkerFold)
	w.member("groups", len(r.Groups) == 0, r.Groups)
	w.member("weight", r.Weight == nil, r.Weight)
	w.str("consent", r.Consent)
	w.str("guideline_version", r.GuidelineVersion)
	w.str("ui_version", r.UIVersion)
	w.str("form_version", r.FormVersion)
	w.member("duration_ms", r.DurationMS == nil, r.DurationMS)
	w.member("active_ms", r.ActiveMS == nil, r.ActiveMS)
	w.str("answered_at", r.AnsweredAt)
	w.str("split", r.Split)
	return w.finish()
}

// MarshalJSON writes the line without its newline.
func (p *Prompt) MarshalJSON() ([]byte, error) {
	w := newWriter(p.Extra)
	w.str("schema", SchemaPrompt)
	w.str("prompt_id", p.PromptID)
	w.prompt(p.Prompt)
	w.str("lang", p.Lang)
	w.member("tags", len(p.Tags) == 0, p.Tags)
	w.str("source_user", p.SourceUser)
	w.str("split", p.Split)
	return w.finish()
}

// MarshalJSON writes the line without its newline.
func (d *Demo) MarshalJSON() ([]byte, error) {
	w := newWriter(d.Extra)
	w.str("schema", SchemaDemo)
	w.str("prompt_id", d.PromptID)
	w.prompt(d.Prompt)
	w.member("completion", false, d.Completion)
	w.str("worker", d.Worker)
	w.str("split", d.Split)
	return w.finish()
}

// MarshalJSON writes the line without its newline.
func (c *Completions) MarshalJSON() ([]byte, error) {
	w := newWriter(c.Extra)
	w.str("schema", SchemaCompletions)
	w.str("prompt_id", c.PromptID)
	w.prompt(c.Prompt)
	w.member("completions", false, c.Completions)
	return w.finish()
}
