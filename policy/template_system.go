package policy

import (
	"strings"

	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

// Turns are the turns that Prompt writes: those it is given, and with ChatML the model's default system message.
func (t Template) Turns(tok *tokenizer.Tokenizer, turns []prefs.Message) []prefs.Message {
	if t != ChatML {
		return turns
	}
	return withSystem(tok.ChatTemplate(), turns)
}

// withSystem puts the default system message of a ChatML model before turns that bring none, as the
// model's own chat template does.
func withSystem(chatTemplate string, turns []prefs.Message) []prefs.Message {
	text, ok := defaultSystem(chatTemplate)
	if !ok || len(turns) > 0 && turns[0].Role == "system" {
		return turns
	}
	return append([]prefs.Message{{Role: "system", Content: text}}, turns...)
}

// defaultSystem finds the message in templates of the usual form
//
//	{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nTEXT<|im_end|>\n' }}{% endif %}
//
// with the line break written out or as \n.
func defaultSystem(chatTemplate string) (text string, ok bool) {
	_, rest, ok := strings.Cut(chatTemplate, "messages[0]['role'] != 'system'")
	if !ok {
		return "", false
	}
	_, rest, ok = strings.Cut(rest, "'<|im_start|>system")
	if !ok {
		return "", false
	}
	text, _, ok = strings.Cut(rest, "<|im_end|>")
	if !ok || strings.ContainsAny(text, "'{}") { // put together at run time
		return "", false
	}
	text = strings.ReplaceAll(text, `\n`, "\n")
	return strings.TrimPrefix(text, "\n"), true
}
