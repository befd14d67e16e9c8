// Package base carries what `agora quickstart` needs on a machine without a network: a tiny base
// model, the text it was trained on, and real human judgments of one-liners. CARD.md tells where all
// of it comes from, under which licences, and how it was filtered; `go run ./policy/base/rebuild`
// makes the data again, `agora policy pretrain --config policy/base/pretrain.toml` the model.
package base

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

//go:embed corpus/train.txt.gz corpus/heldout.txt.gz humour/texts.tsv.gz humour/judgments.csv.gz
var data embed.FS

//go:embed model
var model embed.FS

// PretrainTOML are the settings that the base model was trained with.
//
//go:embed pretrain.toml
var PretrainTOML string

// Corpus is the training text of the base model, one document a string, in a fixed mixed order.
var Corpus = sync.OnceValue(func() []string { return lines("corpus/train.txt.gz") })

// HeldOut is text of the same sources that the base model never saw.
var HeldOut = sync.OnceValue(func() []string { return lines("corpus/heldout.txt.gz") })

// CorpusGzip and HeldOutGzip are the files behind Corpus and HeldOut as they are: gzip, a document a line.
func CorpusGzip() []byte  { return file("corpus/train.txt.gz") }
func HeldOutGzip() []byte { return file("corpus/heldout.txt.gz") }

// ErrNoModel says that this build carries no trained base model.
var ErrNoModel = errors.New("this build carries no base model: train one with --from-scratch")

// WriteModel copies the base model, a Hugging Face checkpoint directory, into dir.
func WriteModel(dir string) error {
	if _, err := fs.Stat(model, "model/model.safetensors"); err != nil {
		return ErrNoModel
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := fs.ReadDir(model, "model")
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := fs.ReadFile(model, "model/"+e.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, e.Name()), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// file reads an embedded file; that it is there was settled when the program was built.
func file(name string) []byte {
	b, err := data.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}

func lines(name string) []string {
	z, err := gzip.NewReader(bytes.NewReader(file(name)))
	if err != nil {
		panic(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}
