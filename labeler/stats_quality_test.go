package labeler

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/db/dbtest/place"
	"agora/views"
)

// studyProject is the answers of studyLines in a database of their own.
func studyProject(t *testing.T) Judgements {
	t.Helper()
	d := Database{DB: place.New(t)}
	jsonOf[projectJSON](t, ProjectCreateCmd{Database: d, Name: "study", Kind: "rank", K: 3, Overlap: 14, LeaseMinutes: 60, EditMinutes: 60, JSON: true})
	jsonOf[importJSON](t, ImportCmd{Database: d, Project: "study", Format: "auto", Files: study(t).Data, JSON: true})
	return Judgements{Database: d, Project: "study", Format: "auto"}
}

// The same answers say the same of people, from a file and from a database.
func TestStatsQuality(t *testing.T) {
	fromFile, fromDB := jsonOf[qualityJSON](t, StatsQualityCmd{Judgements: study(t), JSON: true}), jsonOf[qualityJSON](t, StatsQualityCmd{Judgements: studyProject(t), JSON: true})
	for name, q := range map[string]qualityJSON{"file": fromFile, "database": fromDB} {
		if q.Items != 20 || q.Answers != 280 || q.Labelers != 14 || q.CIBy != "labeler" || q.Pairwise.N != 60*14*13/2 || len(q.People) != 14 {
			t.Errorf("%s: %+v", name, q)
		}
		if len(q.Flags) != 1 || q.Flags[0].Flag != "hallucination" || q.Flags[0].Of != "completions" || q.Flags[0].Alpha != 1 {
			t.Errorf("%s: flags %+v", name, q.Flags)
		}
		for _, p := range q.People {
			if p.Answers != 20 || p.Gold.N != 0 || p.Again.N != 0 || p.Peers.CI == nil {
				t.Errorf("%s: %+v", name, p)
			}
			if leaning := slices.Contains(p.Look, views.T(t.Context(), "agree.look.earlier")); leaning != (p.Labeler == "w13") {
				t.Errorf("%s: %s is worth a look for %q", name, p.Labeler, p.Look)
			}
		}
	}
	if fromFile.Pairwise.Share != fromDB.Pairwise.Share {
		t.Errorf("agreement %v from a file, %v from a database", fromFile.Pairwise, fromDB.Pairwise)
	}
	out, err := runCommand(t, StatsQualityCmd{Judgements: study(t)})
	if err != nil || !strings.HasPrefix(out, "20 items, 280 answers, 14 labelers\n") || strings.Count(out, "\n") != 2+3+2+14 || strings.Contains(out, "NaN") {
		t.Errorf("%v, printed:\n%s", err, out)
	}
}

func TestStatsDisagreement(t *testing.T) {
	cmd := StatsDisagreementCmd{Judgements: studyProject(t), Resampling: quick, By: "gender", Top: 3, JSON: true}
	out, err := runCommand(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var first splitJSON
	var last policyJSON
	for line, into := range map[string]any{lines[0]: &first, lines[len(lines)-1]: &last} {
		if err := json.Unmarshal([]byte(line), into); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) != 60+3 || first.NA != 7 || first.NB != 7 || first.Q > .05 || first.CI == nil || last.By != "gender" || last.First == "" || last.Second == "" {
		t.Errorf("%d lines, first %+v, last %+v", len(lines), first, last)
	}
	cmd.JSON = false
	out, err = runCommand(t, cmd)
	if err != nil || !strings.HasPrefix(out, "60 comparisons by gender; ") || strings.Contains(out, "NaN") {
		t.Errorf("%v, printed:\n%s", err, out)
	}
	if head, _, _ := strings.Cut(out, "\nPOLICY"); strings.Count(head, " > ") != 3 {
		t.Errorf("--top 3 printed:\n%s", head)
	}
}

func TestStatsQualityBadInput(t *testing.T) {
	few := filepath.Join(t.TempDir(), "few.jsonl")
	if err := os.WriteFile(few, []byte(`{"prompt":"q","chosen":"x","rejected":"y","worker":"w"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := study(t)
	for want, cmd := range map[string]command{
		"nothing to compare":         StatsDisagreementCmd{Judgements: Judgements{Data: []string{few}}, Resampling: quick},
		"--by height: no two values": StatsDisagreementCmd{Judgements: in, Resampling: quick, By: "height"},
		"--resamples is 1;":          StatsDisagreementCmd{Judgements: in, Resampling: Resampling{Resamples: 1}},
		"name the answers":           StatsQualityCmd{},
		"stands for itself":          StatsQualityCmd{Judgements: Judgements{Data: in.Data, Project: "x"}},
	} {
		if out, err := runCommand(t, cmd); err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("want %q: %v, printed %q", want, err, out)
		}
	}
}
