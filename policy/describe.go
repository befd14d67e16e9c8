package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"agora/policy/checkpoint"
	"agora/policy/tokenizer"
)

// Info is what `agora model info` prints.
type Info struct {
	Path          string            `json:"path"`
	Format        string            `json:"format"` // hf or gguf
	Kind          string            `json:"kind"`   // policy or reward
	Family        string            `json:"family"`
	Params        int               `json:"params"`
	Layers        int               `json:"layers"`
	Width         int               `json:"width"`
	Heads         int               `json:"heads"`
	KVHeads       int               `json:"kv_heads"`
	HeadDim       int               `json:"head_dim"`
	FFN           int               `json:"ffn"`
	Vocab         int               `json:"vocab"`
	Context       int               `json:"context"`
	Tied          bool              `json:"tied"`
	Stored        string            `json:"stored"` // number formats of the tensors
	Template      Template          `json:"template"`
	BOS           string            `json:"bos"`
	EOS           string            `json:"eos"`
	FlopsPerToken float64           `json:"flops_per_token"` // of training
	MuP           *MuP              `json:"mup,omitempty"`   // of a model in the maximal update parametrisation
	Step          int               `json:"step,omitempty"`
	Parents       map[string]string `json:"parents,omitempty"`
	Imported      map[string]string `json:"imported,omitempty"` // from what file, format, hub or package
}

// Describe reads what a model is, without its weights.
func Describe(path string) (Info, error) {
	if checkpoint.IsGGUF(path) {
		return describeGGUF(path)
	}
	dir, err := Resolve(path)
	if err != nil {
		return Info{}, err
	}
	if IsAdapter(dir) {
		c, err := readAdapterConfig(dir)
		if err != nil {
			return Info{}, err
		}
		base := "an unnamed model"
		if c.Base != nil && *c.Base != "" {
			base = *c.Base
		}
		return Info{}, fmt.Errorf("%s is a LoRA adapter of rank %d for %s: agora model import %s DIR --base MODEL joins the two", dir, c.Rank, base, dir)
	}
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return Info{}, err
	}
	c, err := ParseConfig(data)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", filepath.Join(dir, "config.json"), err)
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		return Info{}, err
	}
	info := c.info(tok)
	info.Path, info.Format = dir, "hf"
	var own struct {
		Template Template `json:"agora_template"`
	}
	if json.Unmarshal(data, &own) == nil && own.Template != "" {
		info.Template = own.Template
	}
	manifest, ok, err := checkpoint.ReadManifest(dir)
	if err != nil {
		return info, err
	}
	if ok {
		info.Kind, info.Step, info.Parents = manifest.Kind, manifest.Step, manifest.Parents
		info.Imported = importedFrom(manifest.Config)
	}
	ts, err := checkpoint.OpenTensors(dir)
	if err != nil {
		return info, err
	}
	defer ts.Close()
	info.Stored = counted(ts.Names(), func(name string) string { return string(ts.DType(name)) })
	return info, nil
}

// importedFrom is what Import noted in agora.json, nil for a model that was trained here.
func importedFrom(config any) map[string]string {
	fields, _ := config.(map[string]any)
	if fields["imported"] == nil {
		return nil
	}
	from := map[string]string{}
	for name, value := range fields {
		from[name] = fmt.Sprint(value)
	}
	return from
}

func describeGGUF(path string) (Info, error) {
	g, err := checkpoint.OpenGGUF(path)
	if err != nil {
		return Info{}, err
	}
	defer g.Close()
	c, err := ggufConfig(g)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	v, err := ggufVocabulary(g)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	tok, err := tokenizer.New(v)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	info := c.info(tok)
	info.Path, info.Format = path, "gguf"
	info.Stored = counted(g.Names(), func(name string) string { return g.Quant(name).String() })
	return info, nil
}

func (c Config) info(tok *tokenizer.Tokenizer) Info {
	n := 0
	for _, t := range c.tensors() {
		n += t.rows * t.cols
	}
	var mup *MuP
	if c.MuP.On() {
		mup = &c.MuP
	}
	return Info{
		MuP: mup, Kind: "policy", Family: c.Family, Params: n, Layers: c.Layers, Width: c.Width, Heads: c.Heads, KVHeads: c.KVHeads,
		HeadDim: c.HeadDim, FFN: c.FFN, Vocab: c.Vocab, Context: c.Context, Tied: c.Tied, Template: templateOf(tok),
		BOS: tok.Token(tok.BOS()), EOS: tok.Token(tok.EOS()), FlopsPerToken: c.FlopsPerToken(),
	}
}

// counted says how many tensors there are of each format: "61 F32, 210 Q4_1".
func counted(names []string, format func(string) string) string {
	n := map[string]int{}
	for _, name := range names {
		n[format(name)]++
	}
	var parts []string
	for _, f := range sortedNames(n) {
		parts = append(parts, fmt.Sprintf("%d %s", n[f], f))
	}
	return strings.Join(parts, ", ")
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (i Info) String() string {
	head := "untied head"
	if i.Tied {
		head = "head tied to the embedding"
	}
	text := fmt.Sprintf("%s\n  %s, %s, %s parameters, step %d\n", i.Path, i.Kind, i.Family, humanCount(i.Params), i.Step)
	text += fmt.Sprintf("  %d layers, width %d, %d heads of %d (%d for keys and values), feed-forward %d, context %d\n",
		i.Layers, i.Width, i.Heads, i.HeadDim, i.KVHeads, i.FFN, i.Context)
	text += fmt.Sprintf("  vocabulary %d, %s, begin %q, end %q, template %s\n", i.Vocab, head, i.BOS, i.EOS, i.Template)
	text += fmt.Sprintf("  tensors: %s; %.3g FLOPs per trained token\n", i.Stored, i.FlopsPerToken)
	if p := i.MuP; p != nil {
		text += fmt.Sprintf("  maximal update parametrisation, base width %d (feed-forward %d, heads of %d), logits × %g\n", p.BaseWidth, p.BaseFFN, p.BaseHeadDim, p.Output)
	}
	for _, name := range sortedNames(i.Imported) {
		text += fmt.Sprintf("  %s: %s\n", name, i.Imported[name])
	}
	for _, role := range sortedNames(i.Parents) {
		text += fmt.Sprintf("  %s: %s\n", role, i.Parents[role])
	}
	return text
}

// humanCount is 134515008 as "134.5M".
func humanCount(n int) string {
	x, unit := float64(n), ""
	for _, u := range []string{"k", "M", "B", "T"} {
		if x < 1000 {
			break
		}
		x, unit = x/1000, u
	}
	return fmt.Sprintf("%.4g%s", x, unit)
}
