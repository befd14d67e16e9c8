package db

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestFormsOfOldProjects: a project from before there were forms gets the form that asks what its page
// always asked.
func TestFormsOfOldProjects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	s, err := openAt(t, path)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{KindRank, KindPairwise} {
		p := DefaultProject(kind)
		if p.Kind = kind; kind == KindPairwise {
			p.K = 2
		}
		if _, err := s.CreateProject(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	sql, err := migrationFiles.ReadFile("migrations/0007_forms.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, insert, _ := strings.Cut(string(sql), "INSERT INTO")
	insert, _, _ = strings.Cut(insert, ";")
	raw := rawDB(t, path)
	runSQL(t, raw, "DELETE FROM forms")
	runSQL(t, raw, "INSERT INTO"+insert)
	for id, kind := range map[int64]string{1: KindRank, 2: KindPairwise} {
		v, err := s.Form(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if want := DefaultForm(kind); !sameForm(v.Body, want) || v.Name() != "f1" {
			t.Errorf("%s: %+v, want %+v", kind, v.Body, want)
		}
	}
}
