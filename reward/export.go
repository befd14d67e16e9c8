package reward

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"agora/policy"
	"agora/policy/checkpoint"
)

// biasKey is the field of config.json that holds what has to be added to the score of transformers'
// classifier, whose head has no bias: a number, or with several heads a list.
const biasKey = "score_bias"

func (m *Model) biases() []float64 {
	out := make([]float64, len(m.Bias().Data))
	for i, b := range m.Bias().Data {
		out[i] = float64(b)
	}
	return out
}

func (m *Model) biasField() any {
	if b := m.biases(); len(m.Heads) > 0 {
		return b
	} else {
		return b[0]
	}
}

// readBias takes the bias from config.json, 0 if it says nothing.
func (m *Model) readBias(dir string) error {
	path := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text := config[biasKey]
	if text == nil {
		return nil
	}
	bias := make([]float64, 1)
	if text[0] == '[' {
		err = json.Unmarshal(text, &bias)
	} else {
		err = json.Unmarshal(text, &bias[0])
	}
	if err != nil || len(bias) != len(m.Bias().Data) {
		return fmt.Errorf("%s: %s is %s, want %d numbers", path, biasKey, text, len(m.Bias().Data))
	}
	for i, b := range bias {
		m.Bias().Data[i] = float32(b)
	}
	return nil
}

// Export writes a reward model for transformers: a LlamaForSequenceClassification or its GPT-2 twin,
// the tensors that this class has and no others, the bias in config.json and agora.json, and a card
// that says how to add it. name is what the card calls it.
func Export(dir, dst, name string) error {
	dir, head := CutHead(dir)
	from, err := policy.Resolve(dir)
	if err != nil {
		return err
	}
	m, err := LoadHeads(dir)
	if err != nil {
		return err
	}
	if head != "" {
		if err := m.collapse(head); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	manifest, _, err := checkpoint.ReadManifest(from)
	if err != nil {
		return err
	}
	manifest.Kind, manifest.ScoreBias = "reward", m.biases()
	if manifest.Parents == nil {
		manifest.Parents = map[string]string{}
	}
	manifest.Parents["exported"] = m.Trunk.Hash
	return checkpoint.Commit(dst, func(tmp string) error {
		if err := m.writeFiles(tmp); err != nil {
			return err
		}
		if err := checkpoint.WriteSafetensors(filepath.Join(tmp, headShard), m.headTensors()[:1]); err != nil {
			return err
		}
		if err := writeIndex(tmp, trunkShard, headShard); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, "README.md"), []byte(m.card(name, manifest)), 0o644); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, manifest)
	})
}

// card is the model card of an exported reward model.
func (m *Model) card(name string, manifest checkpoint.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n# %s\n\n", name)
	fmt.Fprintf(&b, "A reward model of %d layers and width %d, written by agora. It scores a prompt with a completion at the last token.\n\n", m.Trunk.Config.Layers, m.Trunk.Config.Width)
	b.WriteString("The head of this class has no bias, so the one that centres the scores is in `config.json` as `score_bias`: **add it**.\n\n")
	fmt.Fprintf(&b, "```python\nimport torch\nfrom transformers import AutoModelForSequenceClassification, AutoTokenizer\nmodel = AutoModelForSequenceClassification.from_pretrained(%q)\ntokenizer = AutoTokenizer.from_pretrained(%q)\n", name, name)
	b.WriteString("ids = tokenizer(text)[\"input_ids\"] + [tokenizer.eos_token_id]      # the template below, ending with the end token\n")
	b.WriteString("score = model(torch.tensor([ids])).logits[0] + torch.tensor(model.config.score_bias)\n```\n\n")
	fmt.Fprintf(&b, "Prompts use agora's template `%s`; one text at a time, as no padding token is set. `agora.json` holds the hashes of parents, data and settings.\n", m.Trunk.Template)
	if len(m.Heads) > 0 {
		fmt.Fprintf(&b, "\nOne score for each group of labelers (%s): %s.\n", m.GroupBy, strings.Join(m.Heads, ", "))
	}
	for _, metric := range slices.Sorted(maps.Keys(manifest.Metrics)) {
		fmt.Fprintf(&b, "\n- %s: %.6g", metric, manifest.Metrics[metric])
	}
	return b.String() + "\n"
}
