package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads the tokenizer of a model directory: tokenizer.json with tokenizer_config.json beside
// it, or the GPT-2 release pair vocab.json + merges.txt (also as encoder.json + vocab.bpe).
func Load(dir string) (*Tokenizer, error) {
	path := filepath.Join(dir, "tokenizer.json")
	if data, err := os.ReadFile(path); err == nil {
		t, err := Parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return t, t.readConfig(filepath.Join(dir, "tokenizer_config.json"))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, names := range [][2]string{{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}} {
		vocab, merges := filepath.Join(dir, names[0]), filepath.Join(dir, names[1])
		if _, err := os.Stat(vocab); err == nil {
			return LoadGPT2(vocab, merges)
		}
	}
	return nil, fmt.Errorf("%s: no tokenizer.json and no vocab.json + merges.txt", dir)
}

// LoadGPT2 reads a vocabulary (token → id) and a merges file as OpenAI released them.
func LoadGPT2(vocabFile, mergesFile string) (*Tokenizer, error) {
	data, err := os.ReadFile(vocabFile)
	if err != nil {
		return nil, err
	}
	var vocab map[string]int32
	if err := json.Unmarshal(data, &vocab); err != nil {
		return nil, fmt.Errorf("%s: %w", vocabFile, wrongType(err))
	}
	special := map[string]int32{}
	if id, ok := vocab[EndOfText]; ok {
		special[EndOfText] = id
	}
	text, err := os.ReadFile(mergesFile)
	if err != nil {
		return nil, err
	}
	merges, err := parseMerges(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", mergesFile, err)
	}
	t, err := fromVisibleVocab(vocab, merges, special)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", vocabFile, err)
	}
	return t, nil
}

func parseMerges(text string) ([][2]string, error) {
	var merges [][2]string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || i == 0 && strings.HasPrefix(line, "#version") {
			continue
		}
		left, right, ok := strings.Cut(line, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return nil, fmt.Errorf("line %d: want two tokens with one space between, got %q", i+1, line)
		}
		merges = append(merges, [2]string{left, right})
	}
	return merges, nil
}

// fromVisibleVocab builds a tokenizer from vocabulary and merges written in visible runes.
func fromVisibleVocab(vocab map[string]int32, merges [][2]string, special map[string]int32) (*Tokenizer, error) {
	size := int32(0)
	for _, ids := range []map[string]int32{vocab, special} {
		for token, id := range ids {
			if id < 0 || id > 1<<24 {
				return nil, fmt.Errorf("token %q has id %d", token, id)
			}
			size = max(size, id+1)
		}
	}
	tokens := make([]string, size)
	for text, id := range vocab {
		if _, ok := special[text]; ok {
			continue
		}
		raw, ok := fromVisible(text)
		if !ok {
			return nil, fmt.Errorf("token %q (id %d) is not byte-level BPE", text, id)
		}
		if tokens[id] != "" {
			return nil, fmt.Errorf("id %d is used twice", id)
		}
		tokens[id] = raw
	}
	raw := make([][2]string, len(merges))
	for i, m := range merges {
		for side := range m {
			var ok bool
			if raw[i][side], ok = fromVisible(m[side]); !ok {
				return nil, fmt.Errorf("merge %d: %q is not byte-level BPE", i, m[side])
			}
		}
	}
	return newTokenizer(tokens, raw, special)
}
