package reward

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

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
		if err := m.Trunk.WriteChatTemplate(tmp); err != nil {
			return err
		}
		card := m.card(name, filepath.Base(filepath.Clean(dst)), manifest)
		if err := os.WriteFile(filepath.Join(tmp, "README.md"), []byte(card), 0o644); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, manifest)
	})
}
