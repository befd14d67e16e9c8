package prefs

import (
	"unicode/utf8"
)

// side is the value of a prompt, chosen, rejected or completion column: one
// string, or messages.
type side struct {
	isText   bool
	text     string
	messages []Message
}

func column(row Fields, name string) (side, error) {
	raw, ok := row.Get(name)
	if !ok {
		return side{}, &FieldError{name, faultf("is missing")}
	}
	if kind(raw) == "a string" {
		text, err := stringColumn(row, name)
		return side{isText: true, text: text}, err
	}
	if kind(raw) != "a list" {
		return side{}, fieldErrorf(name, "must be a string or a list of messages, is %s", kind(raw))
	}
	var messages []Message
	if err := decodeList(decodeMessage)(raw, &messages); err != nil {
		return side{}, within(name, err)
	}
	if len(messages) == 0 && name != "prompt" {
		return side{}, &FieldError{name, faultf("is an empty list")}
	}
	return side{messages: messages}, nil
}

// words is the side's text as a completion.
func (s side) words() string {
	if s.isText {
		return s.text
	}
	return turnsText(s.messages)
}

// asPrompt is the side as a prompt; an empty string is no prompt.
func (s side) asPrompt() []Message {
	switch {
	case !s.isText:
		return s.messages
	case s.text == "":
		return nil
	}
	return Plain(s.text)
}

// parseTRL reads TRL rows with an explicit prompt: preferences, and also its
// prompt-completion, messages and prompt-only rows.
func parseTRL(row Fields) ([]Record, error) {
	if row.Has("label") || row.Has("labels") {
		return nil, faultf("rows with label(s) are unpaired or stepwise feedback, which agora does not read")
	}
	var record Record
	var err error
	switch {
	case row.Has("chosen") || row.Has("rejected"):
		record, err = trlPreference(row)
	case row.Has("messages"):
		record, err = trlMessages(row)
	case row.Has("completion"):
		record, err = trlCompletion(row)
	default:
		record, err = trlPrompt(row)
	}
	if err != nil {
		return nil, err
	}
	return []Record{record}, nil
}

func trlPreference(row Fields) (Record, error) {
	prompt, err := column(row, "prompt")
	if err != nil {
		return nil, err
	}
	chosen, err := column(row, "chosen")
	if err != nil {
		return nil, err
	}
	rejected, err := column(row, "rejected")
	if err != nil {
		return nil, err
	}
	if !chosen.isText && !rejected.isText && repeatsPrompt(prompt, chosen, rejected) {
		return implicitMessages(FormatTRL, row, chosen.messages, rejected.messages)
	}
	p := preference{prompt: prompt.asPrompt(), promptText: prompt.isText, chosen: chosen.words(), rejected: rejected.words()}
	return p.ranked(FormatTRL, row)
}

// repeatsPrompt recognises rows that have a prompt column and the prompt again in
// front of both answers (UltraFeedback binarized and its relatives).
func repeatsPrompt(prompt, chosen, rejected side) bool {
	if len(chosen.messages) < 2 || len(rejected.messages) < 2 {
		return false
	}
	a, b := chosen.messages[0], rejected.messages[0]
	return equalMessages(a, b) && a.Role != "assistant" && (prompt.isText || len(prompt.messages) > 0)
}

// parseImplicit reads {"chosen","rejected"}, each holding the prompt as well.
func parseImplicit(row Fields) ([]Record, error) {
	chosen, err := column(row, "chosen")
	if err != nil {
		return nil, err
	}
	rejected, err := column(row, "rejected")
	if err != nil {
		return nil, err
	}
	if chosen.isText != rejected.isText {
		return nil, fieldErrorf("rejected", "must be of the same type as chosen (a string or messages)")
	}
	var r *Ranked
	if chosen.isText {
		prompt := commonPrefix(chosen.text, rejected.text)
		p := preference{prompt: side{isText: true, text: prompt}.asPrompt(), promptText: true,
			chosen: chosen.text[len(prompt):], rejected: rejected.text[len(prompt):]}
		r, err = p.ranked(FormatTRLImplicit, row)
	} else {
		r, err = implicitMessages(FormatTRLImplicit, row, chosen.messages, rejected.messages)
	}
	if err != nil {
		return nil, err
	}
	return []Record{r}, nil
}

func implicitMessages(format Format, row Fields, chosen, rejected []Message) (*Ranked, error) {
	cut := promptLength(chosen, rejected)
	p := preference{prompt: chosen[:cut], chosen: turnsText(chosen[cut:]), rejected: turnsText(rejected[cut:])}
	return p.ranked(format, row)
}

// commonPrefix is TRL's extract_prompt for strings: the longest common prefix,
// less one space at its end, which goes to the completions.
func commonPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(a) && !utf8.RuneStart(a[n]) || n > 0 && n < len(b) && !utf8.RuneStart(b[n]) {
		n--
	}
	if n > 0 && a[n-1] == ' ' {
		n--
	}
	return a[:n]
}

func trlCompletion(row Fields) (Record, error) {
	prompt, err := column(row, "prompt")
	if err != nil {
		return nil, err
	}
	completion, err := column(row, "completion")
	if err != nil {
		return nil, err
	}
	return trlDemo(row.Without("prompt", "completion"), prompt, completion.words())
}

// trlMessages makes a demonstration of a conversation: its last message is the completion.
func trlMessages(row Fields) (Record, error) {
	all, err := column(row, "messages")
	if err != nil {
		return nil, err
	}
	last := len(all.messages) - 1
	if all.isText || all.messages[last].Role != "assistant" {
		return nil, fieldErrorf("messages", "must be a list that ends with an assistant message")
	}
	return trlDemo(row.Without("messages"), side{messages: all.messages[:last]}, all.messages[last].Content)
}

func trlDemo(columns Fields, prompt side, completion string) (Record, error) {
	d := &Demo{Prompt: prompt.asPrompt(), Completion: completion}
	if d.Prompt == nil {
		d.Prompt = []Message{}
	}
	adopt(columns, "prompt_id", &d.PromptID)
	adopt(columns, "worker", &d.Worker)
	adopt(columns, "split", &d.Split)
	if d.PromptID == "" {
		d.PromptID = PromptID(d.Prompt)
	}
	d.Extra = foreignExtra(prompt, columns)
	return d, d.Validate()
}

func trlPrompt(row Fields) (Record, error) {
	prompt, err := column(row, "prompt")
	if err != nil {
		return nil, err
	}
	columns := row.Without("prompt")
	p := &Prompt{Prompt: prompt.asPrompt()}
	adopt(columns, "prompt_id", &p.PromptID)
	adopt(columns, "split", &p.Split)
	if p.PromptID == "" {
		p.PromptID = PromptID(p.Prompt)
	}
	p.Extra = foreignExtra(prompt, columns)
	return p, p.Validate()
}

func foreignExtra(prompt side, columns Fields) Fields {
	var extra Fields
	if prompt.isText && prompt.text != "" {
		extra.Set("prompt", encode(prompt.text))
	}
	extra.Set("origin", encode(Origin{Format: FormatTRL, Columns: columns}))
	return extra
}
