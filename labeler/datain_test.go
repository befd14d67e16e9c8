package labeler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"agora/db"
	"agora/reward/prefs"
)

// see uploads a file as rosa and returns its page's address and the page.
func (s *scene) see(file, content string) (path, page string) {
	s.t.Helper()
	res := s.browsers["rosa"].upload("/projects/1/import", file, content, nil)
	if res.Code != 303 {
		s.t.Fatalf("upload: status %d: %s", res.Code, res.Body)
	}
	path = res.Header().Get("Location")
	return path, s.browsers["rosa"].get(path).Body.String()
}

// importCount counts what was imported beside the scene's own items.
func (s *scene) importCount() int {
	s.t.Helper()
	return len(must(s.st.Imports(context.Background(), 1))) - 1
}

// leftovers are the files that lie in the uploads folder.
func (s *scene) leftovers() []string {
	s.t.Helper()
	entries, err := os.ReadDir(s.uploadsDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestUploadIsLookedAtFirst(t *testing.T) {
	good := completionsFile(plants, bicycle)
	for _, c := range []struct {
		name, file, content string
		want                []string // on the preview
		fit                 bool     // it can be imported
	}{
		{"completions", "more.jsonl", good, []string{"texts to be ranked", "Import 2 records", "Which plants survive"}, true},
		{"empty", "empty.jsonl", "", []string{"is empty"}, false},
		{"a broken line", "bad.jsonl", good + "{\"prompt\":\n", []string{">3<", "Mend the file"}, false},
		{"every fault", "bad.jsonl", `{"schema":"prompt/1","prompt_id":"a","prompt":7}` + "\n" + `{"schema":"prompt/1","prompt_id":"b"}` + "\n" + `{"schema":"prompt/1","prompt_id":"c","prompt":"Sky?"}`,
			[]string{">1<", "<code>prompt</code>", "is the number 7", ">2<", "is missing"}, false},
		{"pairs", "pairs.jsonl", `{"prompt":"Sky?","chosen":"Blue.","rejected":"Green."}` + "\n", []string{"Import 1 record", "rank 1", "Blue."}, true},
		{"a table", "arena.csv", "question,response_a,response_b,winner,annotator\n\"Sky, at noon?\",Blue.,Green.,model_b,u7\nSea?,Wet.,Dry.,tie,u8\n",
			[]string{"by the columns named below", "Import 2 records", "Sky, at noon?", "u7", "rank 2"}, true},
		{"a table without a known name", "x.csv", "frage,antwort\nHimmel?,Blau.\n", []string{"no known format", "Read it this way", `<option value="frage">`}, false},
		{"too few completions", "one.jsonl", `{"schema":"completions/1","prompt_id":"a","prompt":"Sky?","completions":[{"id":"c1","text":"Blue."}]}`, []string{"<code>completions</code>", ">1<"}, false},
		{"a zip", "a.jsonl", "PK\x03\x04", []string{"is a zip archive"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			path, page := s.see(c.file, c.content)
			for _, want := range c.want {
				if !strings.Contains(page, want) {
					t.Errorf("the preview lacks %q: %s", want, page)
				}
			}
			if s.importCount() != 0 {
				t.Error("looking imported something")
			}
			s.browsers["rosa"].post(path+"/start", nil)
			if n := s.importCount(); (n == 1) != c.fit {
				t.Errorf("%d imports, can be imported: %v", n, c.fit)
			}
			if left := s.leftovers(); (len(left) == 0) != c.fit {
				t.Errorf("the folder holds %v", left)
			}
		})
	}
}

func TestUploadWithoutAFile(t *testing.T) {
	s := newScene(t)
	res := s.browsers["rosa"].upload("/projects/1/import", "", "", nil)
	if res.Code != 422 || !strings.Contains(res.Body.String(), "Please choose a file") || len(s.leftovers()) != 0 {
		t.Errorf("status %d, left %v: %s", res.Code, s.leftovers(), res.Body)
	}
}

func TestUploadTwice(t *testing.T) {
	s := newScene(t)
	path, _ := s.see("a.jsonl", completionsFile(plants))
	s.browsers["rosa"].post(path+"/start", nil)
	path, page := s.see("b.jsonl", completionsFile(plants))
	if !strings.Contains(page, "was imported before, as a.jsonl") || strings.Contains(page, "Import 1 record") {
		t.Errorf("the preview does not say so: %s", page)
	}
	s.browsers["rosa"].post(path+"/start", nil)
	if page := s.browsers["rosa"].get(path).Body.String(); !strings.Contains(page, "imported into this project before") || s.importCount() != 1 {
		t.Errorf("%d imports: %s", s.importCount(), page)
	}
	if page := s.browsers["rosa"].get("/projects/1/import").Body.String(); !strings.Contains(page, "b.jsonl") {
		t.Error("the file is not among those that wait")
	}
	s.browsers["rosa"].post(path+"/cancel", nil)
	if left := s.leftovers(); len(left) != 0 {
		t.Errorf("discarding left %v", left)
	}
}

// TestMappingIsRemembered maps a table of unknown shape, and finds the mapping again for the next one.
func TestMappingIsRemembered(t *testing.T) {
	s := newScene(t)
	head := "frage,eins,zwei,besser,wer\n"
	path, _ := s.see("a.csv", head+"Himmel?,Blau.,Rot.,0,u1\n")
	form := url.Values{"format": {"mapping"}, "prompt": {"frage"}, "text1": {"eins"}, "text2": {"zwei"}, "preference": {"besser"}, "from_zero": {"true"}, "worker": {"wer"}}
	s.browsers["rosa"].post(path+"/mapping", form)
	page := s.browsers["rosa"].get(path).Body.String()
	for _, want := range []string{"Import 1 record", "Himmel?", "rank 1", "u1"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q: %s", want, page)
		}
	}
	s.browsers["rosa"].post(path+"/start", nil)
	if _, page := s.see("b.csv", head+"Meer?,Nass.,Trocken.,1,u2\n"); !strings.Contains(page, "Import 1 record") {
		t.Errorf("the mapping is not remembered: %s", page)
	}
	bad, page := s.see("c.csv", head+"Berg?,Hoch.,Tief.,5,u2\n")
	if !strings.Contains(page, "names none of 2 completions") || !strings.Contains(page, "<code>besser</code>") {
		t.Errorf("the fault is not named: %s", page)
	}
	form.Set("preference", "gibtsnicht")
	s.browsers["rosa"].post(bad+"/mapping", form)
	if page := s.browsers["rosa"].get(bad).Body.String(); !strings.Contains(page, "is named by the mapping but is not in the file") {
		t.Errorf("a missing column is not named: %s", page)
	}
}

// TestKilledImportLeavesNothing: an upload that a process was importing when it ended can be started again.
func TestKilledImportLeavesNothing(t *testing.T) {
	s := newScene(t)
	path, _ := s.see("a.jsonl", completionsFile(plants))
	u := must(s.st.Upload(t.Context(), 1, path[strings.LastIndex(path, "/")+1:]))
	u.State = db.UploadRunning
	if err := s.st.SaveUpload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	s.Server.imports = newImportJobs() // another process knows nothing of the first one's work
	page := s.browsers["rosa"].get(path).Body.String()
	if !strings.Contains(page, "Nothing of it was stored") || !strings.Contains(page, "Import 1 record") {
		t.Errorf("the page does not say so: %s", page)
	}
	s.browsers["rosa"].post(path+"/start", nil)
	if s.importCount() != 1 {
		t.Error("it did not start again")
	}
}

// TestImportThatFailsLater fails at its last row: nothing is stored, not even the rows before.
func TestImportThatFailsLater(t *testing.T) {
	s := newScene(t)
	before := must(s.st.Queue(t.Context(), 1))
	lines := strings.NewReader(completionsFile(plants, bicycle) + "{\"schema\":\"completions/1\"}\n")
	_, err := importRecords(t.Context(), s.st.Store, ImportFile{Project: 1, Name: "late.jsonl", Data: lines})
	var at *prefs.Error
	if !errors.As(err, &at) || at.Line != 3 {
		t.Errorf("error %v, want one of line 3", err)
	}
	if after := must(s.st.Queue(t.Context(), 1)); after != before || s.importCount() != 0 {
		t.Errorf("%d imports, queue %+v", s.importCount(), after)
	}
}

// TestCancelledImportLeavesNothing stops an import in the middle.
func TestCancelledImportLeavesNothing(t *testing.T) {
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, `{"schema":"prompt/1","prompt_id":"p%d","prompt":"Number %d?"}`+"\n", i, i)
	}
	in := ImportFile{Project: 1, Name: "long.jsonl", Data: strings.NewReader(b.String()), Progress: func(n int) {
		if n >= 1000 {
			cancel()
		}
	}}
	if _, err := importRecords(ctx, s.st.Store, in); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if s.importCount() != 0 {
		t.Error("half of it was stored")
	}
}

// failingFile breaks in the middle, as a disk does.
type failingFile struct{ io.ReadSeeker }

func (f failingFile) Read(p []byte) (int, error) {
	if n, err := f.ReadSeeker.Read(p[:min(len(p), 100)]); err == nil {
		return n, nil
	}
	return 0, errors.New("input/output error")
}

func TestUnreadableFileLeavesNothing(t *testing.T) {
	s := newScene(t)
	_, err := importRecords(t.Context(), s.st.Store, ImportFile{Project: 1, Name: "x.jsonl", Data: failingFile{strings.NewReader(completionsFile(plants))}})
	if err == nil || !strings.Contains(err.Error(), "input/output error") || s.importCount() != 0 {
		t.Errorf("%d imports, error %v", s.importCount(), err)
	}
}

// TestExpiredUploadsGo: after a day, row and file are gone.
func TestExpiredUploadsGo(t *testing.T) {
	s := newScene(t)
	path, _ := s.see("a.jsonl", completionsFile(plants))
	s.st.Clock.Advance(25 * 3600e9)
	if res := s.browsers["rosa"].get(path); res.Code != 404 {
		t.Errorf("status %d after a day", res.Code)
	}
	file := s.leftovers()[0]
	old := must(os.Stat(s.uploadsDir() + "/" + file)).ModTime().Add(-2 * 3600e9)
	if err := os.Chtimes(s.uploadsDir()+"/"+file, old, old); err != nil {
		t.Fatal(err)
	}
	s.see("b.jsonl", completionsFile(bicycle))
	if left := s.leftovers(); len(left) != 1 || left[0] == file {
		t.Errorf("the folder holds %v", left)
	}
}
