package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Ends are the tokens that end a completion: the template's, which training texts end with, and where the
// model's files list several end tokens, all of those too.
func (m *Model) Ends() []int32 {
	var ends []int32
	add := func(id int32) {
		if id >= 0 && !slices.Contains(ends, id) {
			ends = append(ends, id)
		}
	}
	if m.Tokenizer != nil {
		add(m.Template.End(m.Tokenizer))
	}
	if m.Tokenizer == nil || len(m.Config.MoreEOS) > 0 {
		add(int32(m.Config.EOS))
	}
	for _, id := range m.Config.MoreEOS {
		add(int32(id))
	}
	return ends
}

// NoEnd is what a training says of a model whose files name no end token, "" for all others.
func (m *Model) NoEnd() string {
	switch ends := m.Ends(); {
	case len(ends) == 0:
		return "this model has no end token: its completions go on up to the limit of new tokens, and it cannot learn to end them; name one as eos_token in its tokenizer_config.json"
	case m.Config.EOS < 0:
		return fmt.Sprintf("this model has no end token: eos_token_id of its config.json is null; texts end with the tokenizer's %q", m.Tokenizer.Token(ends[0]))
	}
	return ""
}

// Text is what a person should read of a completion's tokens: without its end, whichever that is.
func (m *Model) Text(completion []int32) string {
	if n := len(completion); n > 0 && slices.Contains(m.Ends(), completion[n-1]) {
		completion = completion[:n-1]
	}
	return m.Template.Text(m.Tokenizer, completion)
}

// addGenerationEnds adds the end tokens that generation_config.json lists beside those of config.json.
func (c *Config) addGenerationEnds(path string) error {
	if c.EOS < 0 {
		return nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	r := &configReader{}
	if err := json.Unmarshal(data, &r.raw); err != nil {
		return fmt.Errorf("%s: %w", path, wrongType(err))
	}
	ids := slices.Concat([]int{c.EOS}, c.MoreEOS, r.tokens("eos_token_id"))
	if r.err != nil {
		return fmt.Errorf("%s: %w", path, r.err)
	}
	c.MoreEOS = more(ids)
	return nil
}
