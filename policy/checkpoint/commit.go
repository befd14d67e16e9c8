package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Commit writes a directory that appears whole or not at all: write fills a temporary directory
// beside dir, which is synced and renamed. An older dir stays until the new one is in its place. A
// crash leaves the old or the new directory, never a mixture.
func Commit(dir string, write func(tmp string) error) (err error) {
	parent, name := filepath.Split(filepath.Clean(dir))
	parent = filepath.Clean(parent + ".")
	if parent, err = filepath.Abs(parent); err != nil {
		return err
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp := filepath.Join(parent, "."+name+".tmp")
	if err := os.RemoveAll(tmp); err != nil { // left by a crash
		return err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(tmp)
			err = fmt.Errorf("write %s: %w", dir, err)
		}
	}()
	if err := write(tmp); err != nil {
		return err
	}
	if err := syncTree(tmp); err != nil {
		return err
	}
	if err := replace(tmp, filepath.Join(parent, name)); err != nil {
		return err
	}
	return syncPath(parent)
}

// replace renames tmp to dir. An existing dir is first moved to its backup name, from which
// Recover puts it back after a crash in between.
func replace(tmp, dir string) error {
	old := backup(dir)
	if err := Recover(dir); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return errors.Join(err, Recover(dir))
	}
	if err := syncPath(filepath.Dir(dir)); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

func backup(dir string) string {
	parent, name := filepath.Split(filepath.Clean(dir))
	return filepath.Join(parent, "."+name+".old")
}

// Recover tidies up after a Commit that was cut off: the old directory comes back if the new one
// is not in place, and goes away if it is. Readers call it before they open dir.
func Recover(dir string) error {
	old := backup(dir)
	if _, err := os.Stat(old); err != nil {
		return nil
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(old, dir)
	}
	return os.RemoveAll(old)
}

func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncPath(path)
	})
}

// WriteFile writes a single file that appears whole or not at all.
func WriteFile(path string, data []byte) error {
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		os.Remove(tmp)
		return err
	}
	if err := syncPath(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}
