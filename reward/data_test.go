package reward

import (
	"os"
	"path/filepath"
	"testing"

	"agora/reward/prefs"
)

// Two files that both have a prompt p1 with completions c1 and c2 are kept apart.
func TestFilesMayShareIDs(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for name, text := range map[string]string{
		"a.jsonl": `{"schema":"ranked/1","prompt_id":"p1","prompt":"Sky?","completions":[{"id":"c1","text":"blue"},{"id":"c2","text":"green"}],"ranks":[1,2]}
{"schema":"ranked/1","prompt_id":"p1","prompt":"Sky?","completions":[{"id":"c1","text":"blue"},{"id":"c2","text":"azure"}],"ranks":[1,2]}`,
		"b.jsonl": `{"schema":"ranked/1","prompt_id":"p1","prompt":"Grass?","completions":[{"id":"c1","text":"red"},{"id":"c2","text":"green"}],"ranks":[2,1]}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	d, err := ReadData(files, nil, prefs.Auto)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, r := range d.Rankings {
		for i, c := range r.Completions {
			name := textName(r, i)
			if old, ok := texts[name]; ok && old != r.Prompt[0].Content+c.Text {
				t.Errorf("%q names both %q and %q", name, old, r.Prompt[0].Content+c.Text)
			}
			texts[name] = r.Prompt[0].Content + c.Text
		}
	}
	if len(texts) != 5 {
		t.Errorf("%d texts, want 5", len(texts))
	}
}
