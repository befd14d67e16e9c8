package labeler

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"agora/db"
)

// ScoresFile is a file of scores on its way into a project: lines
// {"prompt_id","id","score"} as `agora reward score` prints them, perhaps compressed.
type ScoresFile struct {
	Project int64
	By      int64 // who asked; 0: the command line
	Name    string
	Data    io.Reader
	Measure bool // the project's uncertainty follows from these
}

// store reads the file and takes it in, all of it or nothing.
func (in ScoresFile) store(ctx context.Context, store *db.Store) (db.ScoreSet, error) {
	sum := sha256.New()
	scores, err := in.read(io.TeeReader(in.Data, sum))
	if err != nil {
		return db.ScoreSet{}, err
	}
	if _, err := io.Copy(sum, in.Data); err != nil { // what stands after the compressed part
		return db.ScoreSet{}, err
	}
	set := db.ScoreSet{ProjectID: in.Project, CreatedBy: in.By, Name: filepath.Base(in.Name), SHA256: hex.EncodeToString(sum.Sum(nil)), Measure: in.Measure}
	return store.ImportScores(ctx, set, scores)
}

// read decodes the lines; what is wrong with one is a lineError.
func (in ScoresFile) read(r io.Reader) ([]db.Score, error) {
	if strings.HasSuffix(in.Name, ".gz") {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, &lineError{in.Name, 1, db.Invalid("file", "is not a gzip file")}
		}
		r = z
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var scores []db.Score
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		score, err := scoreOf(lines.Bytes())
		if err != nil {
			return nil, &lineError{in.Name, n, err}
		}
		scores = append(scores, score)
	}
	if err := lines.Err(); err != nil {
		return nil, &lineError{in.Name, n + 1, err}
	}
	if len(scores) == 0 {
		return nil, &lineError{in.Name, 1, db.Invalid("file", "holds no scores")}
	}
	return scores, nil
}

// scoreOf decodes one line, or says what is wrong with it.
func scoreOf(line []byte) (db.Score, error) {
	var row struct {
		PromptID *string  `json:"prompt_id"`
		ID       *string  `json:"id"`
		Score    *float64 `json:"score"`
	}
	err := json.Unmarshal(line, &row)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return db.Score{}, db.Invalid(kind.Field, "%s is not a %s", kind.Value, kind.Type)
	case err != nil:
		return db.Score{}, db.Invalid("line", "is not a JSON object: %v", err)
	case row.PromptID == nil:
		return db.Score{}, db.Invalid("prompt_id", "is missing")
	case row.ID == nil:
		return db.Score{}, db.Invalid("id", "is missing")
	case row.Score == nil:
		return db.Score{}, db.Invalid("score", "is missing")
	}
	return db.Score{PromptID: *row.PromptID, ID: *row.ID, Score: *row.Score}, nil
}
