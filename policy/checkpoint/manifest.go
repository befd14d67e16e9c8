package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// ManifestFile is the name of agora's own file in a checkpoint directory.
const ManifestFile = "agora.json"

// manifestSchema names the format and its version.
const manifestSchema = "checkpoint/1"

// Manifest says where a checkpoint comes from. Hashes are "sha256:" and 64 hex digits.
type Manifest struct {
	Schema     string             `json:"schema"`
	Kind       string             `json:"kind"`        // policy, reward, ppo
	Step       int                `json:"step"`        // optimizer steps so far
	Parents    map[string]string  `json:"parents"`     // role (base, policy, reward…) → hash of its directory
	Data       map[string]string  `json:"data"`        // role (train, validation, prompts…) → hash of the file or files
	Config     any                `json:"config"`      // the run's settings
	ConfigHash string             `json:"config_hash"` // of Config as compact JSON
	Metrics    map[string]float64 `json:"metrics"`
	ScoreBias  []float64          `json:"score_bias,omitempty"` // of a reward model, one for each head: to be added to what transformers' classifier computes
	Files      map[string]string  `json:"files"`                // every other file of the directory by relative path
}

// WriteManifest fills in schema and hashes for what lies in dir and writes agora.json last.
func WriteManifest(dir string, m Manifest) error {
	m.Schema = manifestSchema
	config, err := json.Marshal(m.Config)
	if err != nil {
		return fmt.Errorf("%s: config: %w", ManifestFile, err)
	}
	m.ConfigHash = HashBytes(config)
	if m.Files, err = hashFiles(dir); err != nil {
		return err
	}
	delete(m.Files, ManifestFile)
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", ManifestFile, err)
	}
	return os.WriteFile(filepath.Join(dir, ManifestFile), append(data, '\n'), 0o644)
}

// ReadManifest reads agora.json; ok is false where a directory of another origin has none.
func ReadManifest(dir string) (m Manifest, ok bool, err error) {
	path := filepath.Join(dir, ManifestFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	} else if err != nil {
		return m, false, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, false, fmt.Errorf("%s: %w", path, err)
	}
	if m.Schema != manifestSchema {
		return m, false, fmt.Errorf("%s: schema %q, this program reads %q", path, m.Schema, manifestSchema)
	}
	return m, true, nil
}

// Verify compares every file that agora.json lists with its hash, and returns the manifest. A
// directory without agora.json passes: there is nothing to compare with.
func Verify(dir string) (Manifest, error) {
	if _, err := os.Stat(dir); err != nil {
		return Manifest{}, err
	}
	m, ok, err := ReadManifest(dir)
	if err != nil || !ok {
		return m, err
	}
	for _, name := range sortedKeys(m.Files) {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return m, fmt.Errorf("%s: %s lists %q, outside of the directory", dir, ManifestFile, name)
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		got, err := HashFile(path)
		if err != nil {
			return m, err
		}
		if got != m.Files[name] {
			return m, fmt.Errorf("%s: damaged or changed: %s, but %s says %s", path, got, ManifestFile, m.Files[name])
		}
	}
	return m, nil
}

// HashDir is the hash of a checkpoint directory: sha256 over the lines that sha256sum prints for
// its files in order of relative path.
func HashDir(dir string) (string, error) {
	files, err := hashFiles(dir)
	if err != nil {
		return "", err
	}
	var list bytes.Buffer
	for _, name := range sortedKeys(files) {
		fmt.Fprintf(&list, "%s  %s\n", files[name][len("sha256:"):], name)
	}
	return HashBytes(list.Bytes()), nil
}

// hashFiles maps the relative slash path of every file under dir to its hash.
func hashFiles(dir string) (map[string]string, error) {
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = HashFile(path)
		return err
	})
	return files, err
}

// HashFile is the hash of a file's bytes.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// HashBytes is the hash of data.
func HashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
