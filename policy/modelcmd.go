package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"agora/policy/checkpoint"
)

// ModelCmd is `agora model`, but for pull, which is package hub's.
type ModelCmd struct {
	Import ModelImportCmd `cmd:"" help:"Read a GGUF file or a Hugging Face directory into a model directory."`
	Export ModelExportCmd `cmd:"" help:"Write a model for transformers or llama.cpp."`
	Info   ModelInfoCmd   `cmd:"" help:"What a model is: size, shape, tokenizer, where it comes from."`
}

// ModelImportCmd is `agora model import`.
type ModelImportCmd struct {
	Src  string `arg:"" name:"src" type:"path" help:"A .gguf file (F32, F16, BF16, Q8_0, Q4_0, Q4_1) or a directory with config.json, safetensors and tokenizer."`
	Dir  string `arg:"" name:"dir" type:"path" help:"Model directory to create."`
	Base string `name:"base" type:"path" placeholder:"DIR" help:"The base model of a PEFT adapter; by default the one that the adapter names."`
	JSON bool   `name:"json" help:"Print machine-readable JSON on standard output."`
}

// Help is shown by --help.
func (*ModelImportCmd) Help() string {
	return `Dense text-only decoders of the Llama and GPT-2 families are read; the result is a directory
that every other command and transformers load. Quantised weights become float32. A LoRA adapter of
PEFT (adapter_config.json, adapter_model.safetensors) is merged into its base model.

  agora model import SmolLM2-135M-Instruct.Q4_1.gguf smollm2
  agora model import my-adapter smollm2-mine --base smollm2
  agora policy sample --policy smollm2 --greedy --prompt "What is the capital of France?"`
}

// Run imports.
func (c *ModelImportCmd) Run(_ context.Context) error {
	var err error
	if c.Base != "" {
		err = ImportAdapter(c.Base, c.Src, c.Dir)
	} else {
		_, err = Import(c.Src, c.Dir, nil)
	}
	if err != nil {
		return err
	}
	return printInfo(os.Stdout, c.Dir, c.JSON)
}

// ModelExportCmd is `agora model export`.
type ModelExportCmd struct {
	Dir    string `arg:"" name:"dir" type:"path" help:"Model directory, or the directory of a run that made one."`
	Dst    string `arg:"" name:"dst" type:"path" help:"Directory (hf, peft) or file (gguf) to create."`
	Format string `name:"format" required:"" enum:"hf,gguf,peft" placeholder:"FORMAT" help:"hf for transformers, gguf for llama.cpp, peft for the adapter alone of a run with LoRA."`
	Quant  string `name:"quant" default:"" enum:",f16,q8_0" placeholder:"KIND" help:"How GGUF stores the matrices: f16, the default, or q8_0."`
	Name   string `name:"name" placeholder:"NAME" help:"The model's name on its card or in the GGUF file; by default that of the directory."`
	Base   string `name:"base" placeholder:"NAME" help:"What adapter_config.json calls the base model (peft), such as HuggingFaceTB/SmolLM2-135M-Instruct."`
	JSON   bool   `name:"json" help:"Print machine-readable JSON on standard output."`

	// Reward exports a reward model for transformers; main hands it in, because this package knows no
	// reward models.
	Reward func(dir, dst, name string) error `kong:"-"`
}

// Help is shown by --help.
func (*ModelExportCmd) Help() string {
	return `A run with LoRA has its changes merged into the weights, but with --format peft. A reward model becomes a
classifier of transformers (hf only); its card says how to add the bias.

  agora model export ppo/model --format hf aligned
  agora model export ppo/model --format gguf --quant q8_0 aligned.gguf
  agora model export ppo/model --format peft --base HuggingFaceTB/SmolLM2-135M-Instruct aligned-adapter
  agora model export rm --format hf reward-model`
}

// Run exports.
func (c *ModelExportCmd) Run(_ context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := absent(c.Dst); err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = filepath.Base(filepath.Clean(c.Dir))
	}
	if c.Format == "peft" {
		if err := exportAdapter(c.Dir, c.Dst, c.Base); err != nil {
			return err
		}
		return printAdapterInfo(os.Stdout, c.Dst, c.JSON)
	}
	if err := c.export(); err != nil {
		return err
	}
	return printInfo(os.Stdout, c.Dst, c.JSON)
}

// check refuses flags that the format has no use for.
func (c *ModelExportCmd) check() error {
	for _, flag := range []struct{ name, value, formats string }{
		{"quant", c.Quant, "gguf"}, {"name", c.Name, "hf or gguf"}, {"base", c.Base, "peft"},
	} {
		if flag.value != "" && !strings.Contains(flag.formats, c.Format) {
			return fmt.Errorf("--%s %s has no use with --format %s, only with %s", flag.name, flag.value, c.Format, flag.formats)
		}
	}
	return nil
}

func (c *ModelExportCmd) export() error {
	if scores, err := isRewardModel(c.Dir); err == nil && scores && c.Format == "hf" && c.Reward != nil {
		return c.Reward(c.Dir, c.Dst, c.Name)
	}
	m, err := LoadPolicy(c.Dir)
	if err != nil {
		return err
	}
	if c.Format == "hf" {
		return m.exportHF(c.Dir, c.Dst, c.Name)
	}
	return m.WriteGGUF(c.Dst, c.Name, map[string]checkpoint.Quant{"": checkpoint.GGUFF16, "f16": checkpoint.GGUFF16, "q8_0": checkpoint.GGUFQ8_0}[c.Quant])
}

// exportHF writes the model with a card; agora.json keeps the lineage.
func (m *Model) exportHF(dir, dst, name string) error {
	from, err := Resolve(dir)
	if err != nil {
		return err
	}
	manifest, _, err := checkpoint.ReadManifest(from)
	if err != nil {
		return err
	}
	manifest.Kind = "policy"
	if manifest.Parents == nil {
		manifest.Parents = map[string]string{}
	}
	manifest.Parents["exported"] = m.Hash
	return checkpoint.Commit(dst, func(tmp string) error {
		if err := m.WriteFiles(tmp); err != nil {
			return err
		}
		if err := m.WriteChatTemplate(tmp); err != nil {
			return err
		}
		card := m.card(name, filepath.Base(filepath.Clean(dst)), manifest)
		if err := os.WriteFile(filepath.Join(tmp, "README.md"), []byte(card), 0o644); err != nil {
			return err
		}
		return checkpoint.WriteManifest(tmp, manifest)
	})
}

// WriteChatTemplate writes agora's template for transformers into the directory of an export, unless the
// tokenizer brings one of its own.
func (m *Model) WriteChatTemplate(dir string) error {
	if m.Tokenizer == nil || m.Tokenizer.ChatTemplate() != "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte(m.Template.jinja()), 0o644)
}

// card is the model card of a model exported into a folder.
func (m *Model) card(name, folder string, manifest checkpoint.Manifest) string {
	var b strings.Builder
	class := map[string]string{Llama: "LlamaForCausalLM", GPT2: "GPT2LMHeadModel"}[m.Config.Family]
	fmt.Fprintf(&b, "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n# %s\n\n", name)
	fmt.Fprintf(&b, "A %s of %s parameters with a context of %d tokens, written by agora.\n\n", class, humanCount(m.Params.Count()), m.Config.Context)
	fmt.Fprintf(&b, "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\nmodel = AutoModelForCausalLM.from_pretrained(%q)\ntokenizer = AutoTokenizer.from_pretrained(%q)\n```\n\n", folder, folder)
	fmt.Fprintf(&b, "Prompts use agora's template `%s`. `agora.json` holds the hashes of parents, data and settings.\n", m.Template)
	for _, metric := range sortedNames(manifest.Metrics) {
		fmt.Fprintf(&b, "\n- %s: %.6g", metric, manifest.Metrics[metric])
	}
	return b.String() + "\n"
}

// ModelInfoCmd is `agora model info`.
type ModelInfoCmd struct {
	Dir  string `arg:"" name:"dir" type:"path" help:"Model directory, run directory or .gguf file."`
	JSON bool   `name:"json" help:"Print machine-readable JSON on standard output."`
}

// Help is shown by --help.
func (*ModelInfoCmd) Help() string { return "  agora model info smollm2 --json" }

// Run prints.
func (c *ModelInfoCmd) Run(_ context.Context) error { return printInfo(os.Stdout, c.Dir, c.JSON) }

func printInfo(w io.Writer, path string, asJSON bool) error {
	info, err := Describe(path)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(info)
	}
	_, err = fmt.Fprint(w, info)
	return err
}
