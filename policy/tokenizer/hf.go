package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// hfFile is the part of Hugging Face's tokenizer.json that byte-level BPE needs.
type hfFile struct {
	AddedTokens  []hfAdded       `json:"added_tokens"`
	Normalizer   json.RawMessage `json:"normalizer"`
	PreTokenizer hfStep          `json:"pre_tokenizer"`
	Model        hfModel         `json:"model"`
}

type hfAdded struct {
	ID      int32  `json:"id"`
	Content string `json:"content"`
	Special bool   `json:"special"`
}

type hfStep struct {
	Type             string          `json:"type"`
	AddPrefixSpace   bool            `json:"add_prefix_space"`
	UseRegex         *bool           `json:"use_regex"` // absent means true
	IndividualDigits bool            `json:"individual_digits"`
	Pattern          json.RawMessage `json:"pattern"`
	Steps            []hfStep        `json:"pretokenizers"`
}

type hfModel struct {
	Type         string           `json:"type"`
	Vocab        map[string]int32 `json:"vocab"`
	Merges       json.RawMessage  `json:"merges"`
	ByteFallback bool             `json:"byte_fallback"`
	IgnoreMerges bool             `json:"ignore_merges"`
	Prefix       string           `json:"continuing_subword_prefix"`
	Suffix       string           `json:"end_of_word_suffix"`
}

// Parse reads the contents of a tokenizer.json. What the format can say and this package does not
// do (normalizers, other split patterns, SentencePiece models) is refused by name.
func Parse(data []byte) (*Tokenizer, error) {
	var f hfFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("not a tokenizer.json: %w", wrongType(err))
	}
	if err := f.Model.check(); err != nil {
		return nil, err
	}
	if s := string(f.Normalizer); s != "" && s != "null" {
		return nil, fmt.Errorf("normalizer %.80s is not supported, only null", s)
	}
	digits, err := f.PreTokenizer.check()
	if err != nil {
		return nil, err
	}
	merges, err := f.Model.merges()
	if err != nil {
		return nil, err
	}
	special := make(map[string]int32, len(f.AddedTokens))
	for _, a := range f.AddedTokens {
		special[a.Content] = a.ID
	}
	t, err := fromVisibleVocab(f.Model.Vocab, merges, special)
	if err != nil {
		return nil, err
	}
	for _, a := range f.AddedTokens {
		t.flags[a.ID] = a.Special
	}
	t.digits = digits
	t.source = slices.Clone(data)
	return t, nil
}

func (m hfModel) check() error {
	switch {
	case m.Type != "BPE":
		return fmt.Errorf("tokenizer model %q is not supported, only byte-level BPE", m.Type)
	case m.ByteFallback:
		return errors.New("SentencePiece-style BPE (byte_fallback) is not supported, only byte-level BPE")
	case m.IgnoreMerges:
		return errors.New("BPE with ignore_merges is not supported")
	case m.Prefix != "" || m.Suffix != "":
		return errors.New("BPE with continuing_subword_prefix or end_of_word_suffix is not supported")
	}
	return nil
}

// check accepts ByteLevel and Digits followed by ByteLevel.
func (s hfStep) check() (digits bool, err error) {
	steps := []hfStep{s}
	if s.Type == "Sequence" {
		steps = s.Steps
	}
	if len(steps) == 2 && steps[0].Type == "Digits" && steps[0].IndividualDigits {
		digits, steps = true, steps[1:]
	}
	if len(steps) != 1 || steps[0].Type != "ByteLevel" {
		return false, fmt.Errorf("pre_tokenizer %s is not supported, only ByteLevel with the GPT-2 pattern (after Digits, if any)", describe(steps))
	}
	if steps[0].AddPrefixSpace {
		return false, errors.New("pre_tokenizer ByteLevel with add_prefix_space is not supported")
	}
	if r := steps[0].UseRegex; r != nil && !*r {
		return false, errors.New("pre_tokenizer ByteLevel without the GPT-2 pattern (use_regex false) is not supported")
	}
	return digits, nil
}

func describe(steps []hfStep) string {
	text := ""
	for i, s := range steps {
		if i > 0 {
			text += " + "
		}
		text += s.Type
		if len(s.Pattern) > 0 {
			text += " " + string(s.Pattern)
		}
	}
	if text == "" {
		return "null"
	}
	return text
}

// merges are pairs, or in files before tokenizers 0.20 strings with a space between.
func (m hfModel) merges() ([][2]string, error) {
	var pairs [][2]string
	if err := json.Unmarshal(m.Merges, &pairs); err == nil {
		return pairs, nil
	}
	var lines []string
	if err := json.Unmarshal(m.Merges, &lines); err != nil {
		return nil, fmt.Errorf("model.merges: %w", wrongType(err))
	}
	pairs = nil // the failed attempt left something there
	for i, line := range lines {
		one, err := parseMerges(line)
		if err != nil || len(one) != 1 {
			return nil, fmt.Errorf("model.merges[%d]: want two tokens, got %q", i, line)
		}
		pairs = append(pairs, one[0])
	}
	return pairs, nil
}

// readConfig takes BOS and EOS from tokenizer_config.json, if there is one.
func (t *Tokenizer) readConfig(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var c struct {
		BOS          json.RawMessage `json:"bos_token"`
		EOS          json.RawMessage `json:"eos_token"`
		ChatTemplate json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("%s: %w", path, wrongType(err))
	}
	t.config = data
	_ = json.Unmarshal(c.ChatTemplate, &t.chatTemplate) // a list of named templates is left alone
	for _, field := range []struct {
		name string
		raw  json.RawMessage
		id   *int32
	}{{"bos_token", c.BOS, &t.bos}, {"eos_token", c.EOS, &t.eos}} {
		name := tokenName(field.raw)
		if name == "" {
			continue
		}
		id, ok := t.ID(name)
		if !ok {
			return fmt.Errorf("%s: %s %q is not in the vocabulary", path, field.name, name)
		}
		*field.id = id
	}
	return nil
}

// tokenName reads "…" or {"content":"…"}.
func tokenName(raw json.RawMessage) string {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return name
	}
	var object struct{ Content string }
	_ = json.Unmarshal(raw, &object)
	return object.Content
}
