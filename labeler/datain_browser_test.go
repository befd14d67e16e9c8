package labeler

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"agora/db"

	"github.com/chromedp/chromedp"
)

// TestDropAFile drags a file onto the import page, looks at the preview and imports it.
func TestDropAFile(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	b := s.openTab(t)
	b.signInAs(s.signedInAs(s.addUser("mira", db.RoleAdmin)))
	b.open("/projects/1/import")
	content, _ := json.Marshal(completionsFile(plants, bicycle))
	drop := `(() => {
		const data = new DataTransfer();
		data.items.add(new File([` + string(content) + `], "dropped.jsonl"));
		const zone = document.querySelector("[data-dropzone]");
		zone.dispatchEvent(new DragEvent("dragenter", {bubbles: true, cancelable: true, dataTransfer: data}));
		if (!zone.classList.contains("over")) throw new Error("the zone does not show that it takes the file");
		zone.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data}));
		return "";
	})()`
	b.leave(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[string](drop))
		return err
	}))
	b.wantText("h1", "dropped.jsonl")
	b.wantText("#preview", "Import 2 records")
	b.leave(click("#preview button"))
	b.wantText("main", "dropped.jsonl: 2 rows, 2 new items, 0 answers")
	if n := must(s.st.Queue(t.Context(), 1)).Items; n != 3 {
		t.Errorf("%d items", n)
	}
}

// TestImportWithoutJavaScript chooses a table and says how it is read, by forms alone.
func TestImportWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newLiveSite(t)
	s.addProject("everyday", "Everyday help", db.KindRank, 4, sourdough)
	b := s.openTab(t)
	b.signInAs(s.signedInAs(s.addUser("mira", db.RoleAdmin)))
	b.noScripts()
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte("q,x,y,w\nSky?,Blue.,Red.,first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open("/projects/1/import")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	b.leave(click(".dropzone button"))
	b.wantText("#faults", "no known format")
	for field, column := range map[string]string{"format": "mapping", "prompt": "q", "text1": "x", "text2": "y", "preference": "w"} {
		b.do(chromedp.SetValue(chromedp.CSS("#m-"+field), column))
	}
	b.leave(click("#shape button"))
	b.wantText("#preview", "Import 1 record")
	b.leave(click("#preview button"))
	b.wantText("main", "rows.csv: 1 rows, 1 new items, 1 answers")
}
