package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"
)

// Sums say how a file's content is named.
const (
	sumSHA256 = "sha256:" // of the bytes
	sumGit    = "git:"    // sha1 of a git blob: "blob", size, zero byte, the bytes
)

// attempts is how often a broken transfer is continued before it counts as failed.
const attempts = 5

// File is what is to be fetched.
type File struct {
	Path string // relative
	Size int64
	Sum  string // with its prefix
}

// errHash means that the bytes came but are others than announced.
var errHash = errors.New("wrong content")

// transfer fetches files over HTTP.
type transfer struct {
	client   *http.Client
	token    string // sent to the hub itself only; net/http drops it when another host takes over
	pause    time.Duration
	progress func(path string, done, total int64)
}

// fetch brings url to path. What an earlier, interrupted call left in path.part is continued from;
// the file appears under its name only when size and hash are right.
func (t *transfer) fetch(ctx context.Context, url, path string, want File) error {
	if err := verify(path, want); err == nil {
		return nil // an earlier call got this far
	}
	part := path + ".part"
	var err error
	for try := range attempts {
		if try > 0 {
			if err := wait(ctx, t.pause<<(try-1)); err != nil {
				return err
			}
		}
		if err = t.more(ctx, url, part, want); err == nil {
			break
		}
		var final *statusError
		if ctx.Err() != nil || errors.As(err, &final) && final.code < 500 && final.code != http.StatusTooManyRequests {
			return fmt.Errorf("fetch %s: %w", want.Path, err)
		}
	}
	if err != nil {
		return fmt.Errorf("fetch %s: %w (%d attempts; call again to go on from here)", want.Path, err, attempts)
	}
	if err := verify(part, want); err != nil {
		if errors.Is(err, errHash) {
			os.Remove(part)
		}
		return fmt.Errorf("fetch %s: %w", want.Path, err)
	}
	return os.Rename(part, path)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// statusError is an answer other than the file.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return "the server says " + e.text }

// more asks for the bytes that part lacks and appends them.
func (t *transfer) more(ctx context.Context, url, part string, want File) error {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	have := info.Size()
	if have > want.Size {
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if have == want.Size {
		return nil
	}
	req, err := t.request(ctx, url)
	if err != nil {
		return err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
	case resp.StatusCode == http.StatusOK: // the whole file, whatever was asked for
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
	default:
		return &statusError{resp.StatusCode, resp.Status}
	}
	return t.copy(f, resp.Body, have, want)
}

func (t *transfer) copy(dst io.Writer, src io.Reader, have int64, want File) error {
	src = io.LimitReader(src, want.Size-have+1) // one more shows a file that is too long
	buf := make([]byte, 1<<17)
	for {
		n, err := src.Read(buf)
		if _, err := dst.Write(buf[:n]); err != nil {
			return err
		}
		have += int64(n)
		if t.progress != nil {
			t.progress(want.Path, have, want.Size)
		}
		switch {
		case err != nil && err != io.EOF:
			return err
		case err == io.EOF && have < want.Size:
			return fmt.Errorf("the transfer ended at byte %d of %d", have, want.Size)
		case err == io.EOF:
			return nil
		}
	}
}

func (t *transfer) request(ctx context.Context, url string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "agora")
	if t.token != "" {
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return req, nil
}

// verify compares a file's size and hash.
func verify(path string, want File) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("is a directory")}
	}
	if info.Size() != want.Size {
		return fmt.Errorf("%w: %d bytes, announced were %d", errHash, info.Size(), want.Size)
	}
	kind, hex64, _ := strings.Cut(want.Sum, ":")
	var sum hash.Hash
	switch kind + ":" {
	case sumSHA256:
		sum = sha256.New()
	case sumGit:
		sum = sha1.New()
		fmt.Fprintf(sum, "blob %d\x00", want.Size)
	default:
		return fmt.Errorf("%s: a hash of unknown kind %q", want.Path, want.Sum)
	}
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hex64 {
		return fmt.Errorf("%w: %s is %s, announced was %s", errHash, kind, got, hex64)
	}
	return nil
}
