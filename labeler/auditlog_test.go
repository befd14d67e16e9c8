package labeler

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// writesLog finds the action of a line that goes into the log: audit(…, "form.save", …) in db,
// Log(…, "export", …) here. Where two actions share a line, a variable called action holds the one.
var writesLog = regexp.MustCompile(`(?:\baudit\(tx, s\.Now\(\), [\w.]+|\.Log\([^"\n]+?|\baction, \w+ :?= )\s*,?\s*"([a-z]+(?:\.[a-z]+)?)"`)

// TestEveryActionHasWords keeps codes such as guidelines.write from standing in the log as they are stored.
func TestEveryActionHasWords(t *testing.T) {
	seen := map[string]bool{}
	for _, pattern := range []string{"*.go", "../db/*.go"} {
		for _, file := range must(filepath.Glob(pattern)) {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range writesLog.FindAllStringSubmatch(string(must(os.ReadFile(file))), -1) {
				seen[m[1]] = true
			}
		}
	}
	if len(seen) < 35 {
		t.Fatalf("found only %d actions in the code: %v", len(seen), seen)
	}
	for action := range seen {
		if actionName(context.Background(), action) == action {
			t.Errorf("the log has no words for %s: add act.%s to the catalogue", action, action)
		}
	}
}
