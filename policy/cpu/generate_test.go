package cpu

import (
	"os"
	"testing"

	"agora/policy/cpu/internal/asmgen"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	for name, want := range asmgen.Files() {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s differs from what the generator writes; run go generate ./policy/cpu", name)
		}
	}
}
