package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// defaultEndpoint is the public hub; HF_ENDPOINT names another one, as for Hugging Face's own tools.
const defaultEndpoint = "https://huggingface.co"

// Hub is a server with the interface of the Hugging Face hub.
type Hub struct {
	endpoint string
	transfer
}

// endpoint is where models come from.
func endpoint() string {
	if e := strings.TrimRight(os.Getenv("HF_ENDPOINT"), "/"); e != "" {
		return e
	}
	return defaultEndpoint
}

// revision resolves a branch or tag to a commit, so that all files are of one state.
func (h *Hub) revision(ctx context.Context, repo, name string) (commit string, err error) {
	var answer struct {
		SHA string `json:"sha"`
	}
	err = h.ask(ctx, "/api/models/"+repo+"/revision/"+url.PathEscape(name), &answer)
	if err == nil && answer.SHA == "" {
		err = fmt.Errorf("%s: the hub names no commit for %s", repo, name)
	}
	return answer.SHA, err
}

// files lists what a model needs of a repository: configuration, tokenizer and safetensors.
func (h *Hub) files(ctx context.Context, repo, commit string) ([]File, error) {
	var tree []struct {
		Type string
		Path string
		Size int64
		OID  string
		LFS  *struct {
			OID  string
			Size int64
		}
	}
	if err := h.ask(ctx, "/api/models/"+repo+"/tree/"+commit, &tree); err != nil {
		return nil, err
	}
	var list []File
	whole := false
	for _, e := range tree {
		f := File{Path: e.Path, Size: e.Size, Sum: sumGit + e.OID}
		if e.LFS != nil {
			f.Size, f.Sum = e.LFS.Size, sumSHA256+strings.TrimPrefix(e.LFS.OID, "sha256:")
		}
		if e.Type == "file" && wanted(e.Path) {
			list = append(list, f)
			whole = whole || e.Path == "model.safetensors"
		}
	}
	return complete(repo, list, whole)
}

// wanted are the files that agora reads. Folders hold other things.
func wanted(name string) bool {
	switch name {
	case "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "model.safetensors.index.json":
		return true
	}
	match, _ := path.Match("model*.safetensors", name)
	return match
}

// complete drops the shards of a repository that also has the weights in one file, and names what is
// missing.
func complete(repo string, list []File, whole bool) ([]File, error) {
	var kept []File
	config, weights := false, false
	for _, f := range list {
		shard := strings.HasPrefix(f.Path, "model") && f.Path != "model.safetensors" // or the index
		if whole && shard {
			continue
		}
		config = config || f.Path == "config.json"
		weights = weights || strings.HasSuffix(f.Path, ".safetensors")
		kept = append(kept, f)
	}
	switch {
	case !config:
		return nil, fmt.Errorf("%s has no config.json: it is no model that agora reads", repo)
	case !weights:
		return nil, fmt.Errorf("%s has no weights as safetensors", repo)
	}
	return kept, nil
}

// ask gets JSON.
func (h *Hub) ask(ctx context.Context, where string, answer any) error {
	req, err := h.request(ctx, h.endpoint+where)
	if err != nil {
		return err
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return &unreachable{err}
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s%s: the hub says %s (a private or gated model needs HF_TOKEN)", h.endpoint, where, resp.Status)
	default:
		return &unreachable{fmt.Errorf("%s%s: the hub says %s", h.endpoint, where, resp.Status)}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<20)).Decode(answer); err != nil {
		return &unreachable{fmt.Errorf("%s%s: the answer is no JSON: %w", h.endpoint, where, err)}
	}
	return nil
}

// unreachable means that there is no hub to talk to.
type unreachable struct{ err error }

func (u *unreachable) Error() string { return u.err.Error() }
func (u *unreachable) Unwrap() error { return u.err }

// download brings a repository's files into dir, the small ones first; check sees config.json before
// the weights are fetched.
func (h *Hub) download(ctx context.Context, repo, commit, dir string, check func(config []byte) error) error {
	files, err := h.files(ctx, repo, commit)
	if err != nil {
		return err
	}
	for _, weights := range []bool{false, true} {
		for _, f := range files {
			if strings.HasSuffix(f.Path, ".safetensors") != weights {
				continue
			}
			where := h.endpoint + "/" + repo + "/resolve/" + commit + "/" + url.PathEscape(f.Path)
			if err := h.fetch(ctx, where, filepath.Join(dir, f.Path), f); err != nil {
				return err
			}
		}
		if weights || check == nil {
			continue
		}
		config, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			return err
		}
		if err := check(config); err != nil {
			return fmt.Errorf("%s: %w", repo, err)
		}
	}
	return nil
}
