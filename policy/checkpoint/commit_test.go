package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func commitText(dir, text string) error {
	return Commit(dir, func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "config.json"), []byte(text), 0o644); err != nil {
			return err
		}
		return WriteManifest(tmp, Manifest{Kind: "policy", Step: 7, Metrics: map[string]float64{"loss": 1.5}})
	})
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func onlyEntry(t *testing.T, parent, name string) {
	t.Helper()
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("%s holds %v, want only %s (err %v)", parent, entries, name, err)
	}
}

func TestCommitReplaces(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "ck")
	for _, text := range []string{"one", "two", "three"} {
		if err := commitText(dir, text); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, dir); got != text {
			t.Errorf("holds %q, want %q", got, text)
		}
		onlyEntry(t, parent, "ck")
	}
}

func TestCommitFailureKeepsOld(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "ck")
	if err := commitText(dir, "good"); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	err := Commit(dir, func(tmp string) error {
		put(t, filepath.Join(tmp, "config.json"), "half")
		return full
	})
	if !errors.Is(err, full) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if got := contents(t, dir); got != "good" {
		t.Errorf("holds %q after a failed commit", got)
	}
	onlyEntry(t, parent, "ck")
}

// TestRecover: a crash can fall before, between and after the two renames.
func TestRecover(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "ck")
	if err := commitText(dir, "old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, backup(dir)); err != nil { // between: only the backup is there
		t.Fatal(err)
	}
	if err := Recover(dir); err != nil || contents(t, dir) != "old" {
		t.Errorf("between the renames: %v", err)
	}
	if err := os.Mkdir(backup(dir), 0o755); err != nil { // after: both are there
		t.Fatal(err)
	}
	if err := Recover(dir); err != nil || contents(t, dir) != "old" {
		t.Errorf("after the renames: %v", err)
	}
	onlyEntry(t, parent, "ck")
}

func TestVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ck")
	if err := commitText(dir, "text"); err != nil {
		t.Fatal(err)
	}
	m, err := Verify(dir)
	if err != nil || m.Step != 7 || m.Metrics["loss"] != 1.5 {
		t.Fatalf("control: %+v %v", m, err)
	}
	put(t, filepath.Join(dir, "config.json"), "texT")
	if _, err := Verify(dir); err == nil || !strings.Contains(err.Error(), "damaged or changed") {
		t.Errorf("changed file: %v", err)
	}
	os.Remove(filepath.Join(dir, "config.json"))
	if _, err := Verify(dir); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("missing file: %v", err)
	}
	put(t, filepath.Join(dir, ManifestFile), `{"schema":"checkpoint/9"}`)
	if _, err := Verify(dir); err == nil || !strings.Contains(err.Error(), "checkpoint/9") {
		t.Errorf("other version: %v", err)
	}
	os.Remove(filepath.Join(dir, ManifestFile))
	if _, err := Verify(dir); err != nil {
		t.Errorf("a directory of another origin: %v", err)
	}
}

// TestHashDir: `find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum | sha256sum` over
// the files a ("hello\n") and b/c ("world\n").
func TestHashDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "a"), "hello\n")
	put(t, filepath.Join(dir, "b", "c"), "world\n")
	const want = "sha256:4610d0415b6f9cb3c3575666477887729821a80d57232abb37cbbae36eff03ee"
	if got, err := HashDir(dir); err != nil || got != want {
		t.Errorf("got %s %v, want %s", got, err, want)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"1", "2"} {
		if err := WriteFile(filepath.Join(dir, "f"), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, _ := os.ReadFile(filepath.Join(dir, "f")); string(data) != text {
			t.Errorf("holds %q, want %q", data, text)
		}
	}
	onlyEntry(t, dir, "f")
}
