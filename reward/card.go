package reward

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"agora/policy"
	"agora/policy/checkpoint"
)

// card is the model card of a reward model exported into a folder. Its code takes a text through the
// steps of encoder.tokens, so that transformers scores what agora scores.
func (m *Model) card(name, folder string, manifest checkpoint.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n# %s\n\n", name)
	fmt.Fprintf(&b, "A reward model of %d layers and width %d, written by agora. It scores a prompt with a completion at the last token.\n\n", m.Trunk.Config.Layers, m.Trunk.Config.Width)
	b.WriteString("The head of this class has no bias, so the one that centres the scores is in `config.json` as `score_bias`: **add it**.\n\n")
	fmt.Fprintf(&b, "```python\n%s```\n\n", m.cardCode(folder))
	if m.IgnorePrompt {
		b.WriteString("It was trained with `ignore_prompt`: a completion is scored without its prompt.\n\n")
	}
	fmt.Fprintf(&b, "Prompts use agora's template `%s`; one text at a time, as no padding token is set. `agora.json` holds the hashes of parents, data and settings.\n", m.Trunk.Template)
	if len(m.Heads) > 0 {
		fmt.Fprintf(&b, "\nOne score for each group of labelers (%s): %s.\n", m.GroupBy, strings.Join(m.Heads, ", "))
	}
	for _, metric := range slices.Sorted(maps.Keys(manifest.Metrics)) {
		fmt.Fprintf(&b, "\n- %s: %.6g", metric, manifest.Metrics[metric])
	}
	return b.String() + "\n"
}

// cardCode is the card's program: score(messages, completion).
func (m *Model) cardCode(folder string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained(%[1]q).eval()
tokenizer = AutoTokenizer.from_pretrained(%[1]q)

def encode(text):  # no begin token, and special tokens within a text are plain characters
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

def score(messages, completion):
`, folder)
	if m.IgnorePrompt {
		b.WriteString("    messages = []  # it was trained on completions alone\n")
	}
	b.WriteString(m.cardPrompt())
	fmt.Fprintf(&b, `    over = max(0, len(head) + len(tail) - %d)  # too long: the prompt loses its start, then the completion its end
    cut = min(over, max(0, len(head) - 1))
    head, over = head[:1] + head[1 + cut:], over - cut
    tail = tail[:-1 - over] + tail[-1:]
    with torch.no_grad():
        logits = model(torch.tensor([head + tail])).logits[0]
    return logits + torch.tensor(model.config.score_bias)

print(score([{"role": "user", "content": "Why did the chicken cross the road?"}], "To get to the other side."))
`, m.MaxTokens)
	return b.String()
}

// cardPrompt is policy.Template's Prompt and Completion in Python: they set head and tail.
func (m *Model) cardPrompt() string {
	tok, template := m.Trunk.Tokenizer, m.Trunk.Template
	begin, end := "[]", "[]"
	if id := tok.BOS(); id >= 0 {
		begin = fmt.Sprintf("[%d]", id)
	}
	if id := template.End(tok); id >= 0 {
		end = fmt.Sprintf("[%d]", id)
	}
	switch template {
	case policy.ChatML:
		return m.cardSystem() + `    start, stop = (tokenizer(mark, add_special_tokens=False)["input_ids"] for mark in ("<|im_start|>", "<|im_end|>"))
    head = []
    for message in messages:
        head += start + encode(message["role"] + "\n" + message["content"]) + stop + encode("\n")
    head += start + encode("assistant\n")
    tail = encode(completion) + ` + end + "\n"
	case policy.HH:
		return `    names = {"assistant": "Assistant", "system": "System"}
    text = "".join("\n\n" + names.get(message["role"], "Human") + ": " + message["content"] for message in messages)
    head = ` + begin + ` + encode(text + "\n\nAssistant:")
    tail = encode(completion if completion.startswith(" ") else " " + completion) + ` + end + "\n"
	}
	return `    head = ` + begin + ` + encode("".join(message["content"] for message in messages))
    tail = encode(completion) + ` + end + "\n"
}

// cardSystem puts the system message that the model's own chat template adds before turns without one.
func (m *Model) cardSystem() string {
	turns := m.Trunk.Template.Turns(m.Trunk.Tokenizer, nil)
	if len(turns) == 0 {
		return ""
	}
	return fmt.Sprintf(`    if not messages or messages[0]["role"] != "system":
        messages = [{"role": "system", "content": %s}] + messages
`, strconv.QuoteToASCII(turns[0].Content))
}
