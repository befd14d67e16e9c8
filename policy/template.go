package policy

import (
	"fmt"
	"strings"

	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

// Template says how a prompt's turns become tokens and how a completion continues them.
type Template string

const (
	// Plain puts the contents one after another, verbatim: begin token, contents; then the
	// completion and the end token. For texts that are continued rather than answered.
	Plain Template = "plain"
	// ChatML marks turns as <|im_start|>role\n…<|im_end|>\n, with the markers as single tokens where
	// the vocabulary has them.
	ChatML Template = "chatml"
	// HH writes turns as "\n\nHuman: …" and "\n\nAssistant: …" (Bai et al. 2022).
	HH Template = "hh"
)

// ParseTemplate accepts a template's name; "" means Plain.
func ParseTemplate(name string) (Template, error) {
	switch t := Template(name); t {
	case Plain, ChatML, HH:
		return t, nil
	case "":
		return Plain, nil
	}
	return "", fmt.Errorf("template %q: must be %s, %s or %s", name, Plain, ChatML, HH)
}

// Prompt encodes the turns up to where the completion begins.
func (t Template) Prompt(tok *tokenizer.Tokenizer, turns []prefs.Message) []int32 {
	var ids []int32
	if bos := tok.BOS(); bos >= 0 && t != ChatML {
		ids = append(ids, bos)
	}
	switch t {
	case ChatML:
		for _, m := range t.Turns(tok, turns) {
			ids = append(ids, tok.EncodeSpecial("<|im_start|>")...)
			ids = tok.AppendEncode(ids, m.Role+"\n"+m.Content)
			ids = append(ids, tok.EncodeSpecial("<|im_end|>")...)
			ids = tok.AppendEncode(ids, "\n")
		}
		ids = append(ids, tok.EncodeSpecial("<|im_start|>")...)
		return tok.AppendEncode(ids, "assistant\n")
	case HH:
		var text strings.Builder
		for _, m := range turns {
			text.WriteString("\n\n" + hhName(m.Role) + ": " + m.Content)
		}
		return tok.AppendEncode(ids, text.String()+"\n\nAssistant:")
	default:
		var text strings.Builder
		for _, m := range turns {
			text.WriteString(m.Content)
		}
		return tok.AppendEncode(ids, text.String())
	}
}

func hhName(role string) string {
	switch role {
	case "assistant":
		return "Assistant"
	case "system":
		return "System"
	}
	return "Human"
}

// Completion encodes what follows the prompt, end token included.
func (t Template) Completion(tok *tokenizer.Tokenizer, text string) []int32 {
	if t == HH && !strings.HasPrefix(text, " ") {
		text = " " + text
	}
	ids := tok.Encode(text)
	if end := t.End(tok); end >= 0 {
		ids = append(ids, end)
	}
	return ids
}

// Text is the inverse of Completion, for sampled tokens: special tokens are left out.
func (t Template) Text(tok *tokenizer.Tokenizer, completion []int32) string {
	text := tok.Text(completion)
	if t == HH {
		text = strings.TrimPrefix(text, " ")
	}
	return text
}

// End is the token that ends a completion, -1 if there is none.
func (t Template) End(tok *tokenizer.Tokenizer) int32 {
	if t == ChatML {
		if id, ok := tok.ID("<|im_end|>"); ok {
			return id
		}
	}
	return tok.EOS()
}

// templateOf guesses the template of a model that does not name one.
func templateOf(tok *tokenizer.Tokenizer) Template {
	if strings.Contains(tok.ChatTemplate(), "<|im_start|>") {
		return ChatML
	}
	return Plain
}
