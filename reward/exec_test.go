package reward

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"agora/reward/prefs"
)

func TestCommand(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh on this machine")
	}
	rows := []CommandRow{
		{PromptID: "p", Prompt: prefs.Plain("2+2?"), Completion: " <4>", Extra: prefs.Fields{{Name: "answer", Value: json.RawMessage(`"4"`)}}},
		{PromptID: "q", Prompt: prefs.Plain("3+3?"), Completion: " 5"},
	}
	for _, tt := range []struct{ command, want string }{
		{`while read line; do case "$line" in *'<4>'*'"user"'*) echo '{"score":1}';; *) echo '{"score":-.5}';; esac; done`, ""}, // -.5 is no JSON
		{`while read line; do case "$line" in *'"answer":"4"'*'<4>'*) echo '{"score":1}';; *) echo '{"score":-0.5}';; esac; done`, "ok"},
		{`head -n 1 >/dev/null; echo '{"score":1}'`, "answered 1 of 2 lines"},
		{`cat`, `has no "score"`},
		{`echo '{"score":1}{"score":-1e39}'`, "line 2 of the answer, prompt q: score -1e+39 is beyond ±3.4e+38"},
		{`echo '{"score":1e400}'`, "line 1 of the answer"},
		{`echo '{"score":1}{"score":1}{"score":1}'`, "more than the 2"},
		{`echo broken >&2; exit 3`, "exit status 3: broken"},
	} {
		got, err := Command(tt.command).Score(t.Context(), rows)
		switch {
		case tt.want == "ok" && (err != nil || len(got) != 2 || got[0] != 1 || got[1] != -.5):
			t.Errorf("%s: %v, %v", tt.command, got, err)
		case tt.want != "ok" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: want %q, got %v", tt.command, tt.want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Command("sleep 10").Score(ctx, rows); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
