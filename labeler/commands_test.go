package labeler

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agora/db"
	"agora/db/dbtest/place"
)

// command is any sub-command.
type command interface{ Run(context.Context) error }

// runCommand runs a command and returns what it printed.
func runCommand(t *testing.T, cmd command) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdout
	os.Stdout = w
	err = cmd.Run(t.Context())
	os.Stdout = old
	w.Close()
	out, readErr := io.ReadAll(r)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return string(out), err
}

// jsonOf runs a command that prints one JSON object.
func jsonOf[T any](t *testing.T, cmd command) T {
	t.Helper()
	out, err := runCommand(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return v
}

// TestCommandLine sets a project up, fills it and takes its answers out again.
func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	d := Database{DB: place.New(t)}
	file := filepath.Join(dir, "in.jsonl")
	if err := os.WriteFile(file, []byte(rankedLines), 0o600); err != nil {
		t.Fatal(err)
	}
	p := jsonOf[projectJSON](t, ProjectCreateCmd{Database: d, Name: "sky", Kind: "rank", K: 3, Overlap: 2, LeaseMinutes: 60, EditMinutes: 60, JSON: true})
	if p.Name != "sky" || p.Overlap != 2 {
		t.Errorf("created %+v", p)
	}
	imp := jsonOf[importJSON](t, ImportCmd{Database: d, Project: "sky", Format: "auto", Files: []string{file}, JSON: true})
	if imp.Format != "ranked" || imp.Rows != 4 || imp.Items != 3 || imp.Answers != 4 || len(imp.SHA256) != 64 {
		t.Errorf("imported %+v", imp)
	}
	out := filepath.Join(dir, "out.jsonl")
	card := jsonOf[map[string]any](t, ExportCmd{Database: d, Project: "sky", Format: "ranked", Out: out, Licence: "CC0-1.0", JSON: true})
	if card["rows"] != 4.0 || card["licence"] != "CC0-1.0" {
		t.Errorf("card %v", card)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	wantSameRows(t, got, []byte(rankedLines))
	if _, err := os.Stat(filepath.Join(dir, "out.card.json")); err != nil {
		t.Error(err)
	}
	if list := jsonOf[projectJSON](t, ProjectListCmd{Database: d, JSON: true}); list.Imported != 4 || list.Items != 3 {
		t.Errorf("listed %+v", list)
	}
}

func TestUserCommands(t *testing.T) {
	d := Database{DB: place.New(t)}
	ana := jsonOf[userJSON](t, UserAddCmd{Database: d, Name: "ana", Role: "researcher", JSON: true})
	if ana.Role != db.RoleResearcher || !strings.HasPrefix(ana.Link, "http://127.0.0.1:8080/join/") {
		t.Errorf("added %+v", ana)
	}
	link := jsonOf[userJSON](t, UserAddCmd{Database: d, Role: "labeler", URL: "https://x.example/", JSON: true})
	if link.Name != "" || !strings.HasPrefix(link.Link, "https://x.example/join/") {
		t.Errorf("invited %+v", link)
	}
	if out := jsonOf[userJSON](t, UserDisableCmd{Database: d, Name: "ANA", JSON: true}); !out.Disabled || out.Name != "ana" {
		t.Errorf("disabled %+v", out)
	}
	if out := jsonOf[userJSON](t, UserResetCmd{Database: d, Name: "ana", JSON: true}); out.Link == "" {
		t.Errorf("reset %+v", out)
	}
	if list := jsonOf[userJSON](t, UserListCmd{Database: d, JSON: true}); list.Name != "ana" || !list.Disabled {
		t.Errorf("listed %+v", list)
	}
	if out, err := runCommand(t, UserListCmd{Database: d}); err != nil || !strings.Contains(out, "disabled") {
		t.Errorf("listed %q, %v", out, err)
	}
}

func TestCommandsRefuse(t *testing.T) {
	dir := t.TempDir()
	here, nowhere := Database{Dir: dir}, Database{DB: filepath.Join(dir, "none.db")}
	if _, err := runCommand(t, ProjectCreateCmd{Database: here, Name: "sky", Kind: "rank", K: 3, Overlap: 1, LeaseMinutes: 1}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		cmd  command
		want string
	}{
		{"name taken", ProjectCreateCmd{Database: here, Name: "SKY", Kind: "rank", K: 3, Overlap: 1, LeaseMinutes: 1}, "name"},
		{"K of a pair", ProjectCreateCmd{Database: here, Name: "two", Kind: "pairwise", K: 3, Overlap: 1, LeaseMinutes: 1}, "k: "},
		{"no such project", ImportCmd{Database: here, Project: "sea", Files: []string{"x"}}, "project sea"},
		{"no such file", ImportCmd{Database: here, Project: "sky", Files: []string{filepath.Join(dir, "x")}}, "no such file"},
		{"folder as file", ImportCmd{Database: here, Project: "sky", Files: []string{dir}}, "directory"},
		{"unknown format", ImportCmd{Database: here, Project: "sky", Format: "xml", Files: []string{"x"}}, `"xml"`},
		{"nothing to export", ExportCmd{Database: here, Project: "sky", Format: "ranked", Out: filepath.Join(dir, "o")}, "nothing to export"},
		{"humour cannot be written", ExportCmd{Database: here, Project: "sky", Format: "humour", Out: filepath.Join(dir, "o")}, "humour"},
		{"format to write", ExportCmd{Database: here, Project: "sky", Format: "auto", Out: filepath.Join(dir, "o")}, "--format"},
		{"no database", ProjectListCmd{Database: nowhere}, "there is no database"},
		{"no such person", UserDisableCmd{Database: here, Name: "zoe"}, "user zoe"},
		{"unknown role", UserAddCmd{Database: here, Name: "zoe", Role: "queen"}, "role"},
		{"bad name", UserAddCmd{Database: here, Name: "a b", Role: "labeler"}, "name"},
		{"password without a name", UserAddCmd{Database: here, Role: "labeler", Password: true}, "--password"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := runCommand(t, tt.cmd)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, tt.want)
			}
			if out != "" {
				t.Errorf("printed %q", out)
			}
		})
	}
	for _, left := range []string{"none.db", "o", "o.card.json"} {
		if _, err := os.Stat(filepath.Join(dir, left)); err == nil {
			t.Errorf("%s was left behind", left)
		}
	}
}
