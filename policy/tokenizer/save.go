package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Files are the contents of tokenizer.json and tokenizer_config.json, which transformers loads. A
// tokenizer that was read from such files gives them back unchanged.
func (t *Tokenizer) Files(maxLength int) map[string][]byte {
	files := map[string][]byte{"tokenizer.json": t.source, "tokenizer_config.json": t.config}
	if t.source == nil {
		files["tokenizer.json"] = t.hfJSON()
	}
	if t.config == nil {
		files["tokenizer_config.json"] = t.hfConfig(maxLength)
	}
	return files
}

func (t *Tokenizer) hfConfig(maxLength int) []byte {
	config := map[string]any{
		"add_prefix_space": false, "clean_up_tokenization_spaces": false,
		"model_max_length": maxLength, "tokenizer_class": "PreTrainedTokenizerFast",
	}
	if t.bos >= 0 {
		config["bos_token"] = t.tokens[t.bos]
	}
	if t.eos >= 0 {
		config["eos_token"] = t.tokens[t.eos]
		config["pad_token"] = t.tokens[t.eos]
	}
	if t.chatTemplate != "" {
		config["chat_template"] = t.chatTemplate
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		panic(err) // strings, numbers and booleans only
	}
	return append(data, '\n')
}

// hfJSON writes vocabulary and merges in order of id and rank, one a line.
func (t *Tokenizer) hfJSON() []byte {
	var b bytes.Buffer
	b.WriteString("{\n \"version\": \"1.0\",\n \"truncation\": null,\n \"padding\": null,\n \"added_tokens\": [")
	for i, s := range t.Specials() {
		comma(&b, i)
		fmt.Fprintf(&b, "\n  {\"id\": %d, \"content\": %s, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": %t}",
			t.special[s], quote(s), t.flags[t.special[s]])
	}
	b.WriteString("\n ],\n \"normalizer\": null,\n \"pre_tokenizer\": ")
	b.WriteString(t.hfPreTokenizer())
	b.WriteString(",\n \"post_processor\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": false, \"use_regex\": true}")
	b.WriteString(",\n \"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"trim_offsets\": true, \"use_regex\": true}")
	b.WriteString(",\n \"model\": {\n  \"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, \"continuing_subword_prefix\": null,")
	b.WriteString("\n  \"end_of_word_suffix\": null, \"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": false,\n  \"vocab\": {")
	n := 0
	for id, raw := range t.tokens {
		if raw == "" {
			continue
		}
		text := raw
		if _, special := t.special[raw]; !special {
			text = toVisible(raw)
		}
		comma(&b, n)
		fmt.Fprintf(&b, "\n   %s: %d", quote(text), id)
		n++
	}
	b.WriteString("\n  },\n  \"merges\": [")
	for i, p := range t.ordered {
		comma(&b, i)
		fmt.Fprintf(&b, "\n   [%s, %s]", quote(toVisible(t.tokens[p.left])), quote(toVisible(t.tokens[p.right])))
	}
	b.WriteString("\n  ]\n }\n}\n")
	return b.Bytes()
}

func (t *Tokenizer) hfPreTokenizer() string {
	const byteLevel = `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}`
	if t.digits {
		return `{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, ` + byteLevel + `]}`
	}
	return byteLevel
}

func comma(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// quote writes a JSON string without escaping < and >.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}
