package prefs

import "encoding/json"

// pairRow writes one pair of a line in a pair format. Rows that came from that
// format come out as they went in. It says false where the format cannot be one
// of the pair formats.
func pairRow(format Format, r *Ranked, p Pair) (Fields, bool) {
	var out Fields
	switch format {
	case FormatTRL:
		out = trlRow(r, p)
	case FormatTRLImplicit:
		out = implicitRow(r, p)
	case FormatHH:
		out = hhRow(r, p)
	default:
		return nil, false
	}
	origin := originOf(r.Extra, format)
	if origin == nil {
		if format != FormatHH {
			out = append(out, idColumns(r, p)...)
		}
		return out, true
	}
	if len(r.Completions) == 2 {
		out = verbatim(out, origin.Verbatim, p)
	}
	for _, c := range origin.Columns {
		out.Set(c.Name, c.Value)
	}
	return out, true
}

// verbatim puts the source's own spelling back. Its chosen column is Completions[0].
func verbatim(out, written Fields, p Pair) Fields {
	if len(written) == 0 {
		return out
	}
	sides := [2]string{"chosen", "rejected"}
	if v, ok := written.Get("prompt"); ok {
		out.Set("prompt", v)
	}
	better, _ := written.Get(sides[p.Better])
	worse, _ := written.Get(sides[p.Worse])
	out.Set("chosen", better)
	out.Set("rejected", worse)
	return out
}

// trlRow writes strings where the prompt was a string or is missing, else messages.
func trlRow(r *Ranked, p Pair) Fields {
	if text, ok := promptText(r); ok {
		return Fields{{"prompt", encode(text)},
			{"chosen", encode(r.Completions[p.Better].Text)}, {"rejected", encode(r.Completions[p.Worse].Text)}}
	}
	return Fields{{"prompt", encode(r.Prompt)},
		{"chosen", encode(answer(nil, r.Completions[p.Better].Text))}, {"rejected", encode(answer(nil, r.Completions[p.Worse].Text))}}
}

func implicitRow(r *Ranked, p Pair) Fields {
	if text, ok := promptText(r); ok {
		return Fields{{"chosen", encode(text + r.Completions[p.Better].Text)}, {"rejected", encode(text + r.Completions[p.Worse].Text)}}
	}
	return Fields{{"chosen", encode(answer(r.Prompt, r.Completions[p.Better].Text))},
		{"rejected", encode(answer(r.Prompt, r.Completions[p.Worse].Text))}}
}

func answer(prompt []Message, text string) []Message {
	return append(append([]Message{}, prompt...), Message{Role: "assistant", Content: text})
}

// promptText is the prompt as one string, for lines whose source wrote it so or that have none.
func promptText(r *Ranked) (string, bool) {
	if len(r.Prompt) == 0 {
		return "", true
	}
	raw, ok := r.Extra.Get("prompt")
	var text string
	if !ok || json.Unmarshal(raw, &text) != nil || len(r.Prompt) != 1 || r.Prompt[0].Content != text {
		return "", false
	}
	return text, true
}

// idColumns keep what lets the row find back to its judgment, and the columns
// that another pair format brought along.
func idColumns(r *Ranked, p Pair) Fields {
	out := Fields{{"prompt_id", encode(r.PromptID)}}
	if r.Worker != "" {
		out.Set("worker", encode(r.Worker))
	}
	if r.Split != "" {
		out.Set("split", encode(r.Split))
	}
	out.Set("chosen_id", encode(r.Completions[p.Better].ID))
	out.Set("rejected_id", encode(r.Completions[p.Worse].ID))
	var origin Origin
	if raw, ok := r.Extra.Get("origin"); ok && json.Unmarshal(raw, &origin) == nil {
		for _, c := range origin.Columns.Without("prompt", "chosen", "rejected") {
			out.Set(c.Name, c.Value)
		}
	}
	return out
}
