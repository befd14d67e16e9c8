package reward

import (
	"errors"
	"slices"

	"agora/policy"
	"agora/policy/tokenizer"
	"agora/reward/prefs"
)

// encoder turns a prompt and a completion into the tokens that the model scores.
type encoder struct {
	tok          *tokenizer.Tokenizer
	template     policy.Template
	maxTokens    int  // longest sequence; longer ones are cut, see tokens
	ignorePrompt bool // score the completion alone

	truncated int // how many were cut
	prompts   map[string][]int32
}

// tokens encodes one text with its end token. What is longer than maxTokens loses
// the start of its prompt, and if the completion alone is too long the end of
// that, so that the end token, where the score is read, always remains.
func (e *encoder) tokens(prompt []prefs.Message, completion string) ([]int32, error) {
	if e.ignorePrompt {
		prompt = nil
	}
	head := e.prompt(prompt)
	tail := e.template.Completion(e.tok, completion)
	if len(head)+len(tail) == 0 {
		return nil, errors.New("is empty, and the tokenizer has no end token")
	}
	if over := len(head) + len(tail) - e.maxTokens; over > 0 {
		e.truncated++
		begin := min(1, len(head)) // keep the begin token
		cut := min(over, len(head)-begin)
		head = slices.Concat(head[:begin], head[begin+cut:])
		if over -= cut; over > 0 {
			end := tail[len(tail)-1]
			tail = append(slices.Clone(tail[:max(len(tail)-over-1, 0)]), end)
		}
	}
	return slices.Concat(head, tail), nil
}

// prompt encodes a prompt, once: rankings share prompts.
func (e *encoder) prompt(turns []prefs.Message) []int32 {
	key := prefs.PromptID(turns)
	if ids, ok := e.prompts[key]; ok {
		return ids
	}
	ids := e.template.Prompt(e.tok, turns)
	if e.prompts == nil {
		e.prompts = map[string][]int32{}
	}
	e.prompts[key] = ids
	return ids
}
