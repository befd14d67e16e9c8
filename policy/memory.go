package policy

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// spare is what a training needs beside what it has reserved: the program, buffers of files, and as much
// garbage as may gather before it is collected.
const spare = 512 << 20

// CheckMemory is to be called when everything is compiled and before the first step: all memory of a
// training is reserved then, though most of it not touched. It says what is needed and what the
// machine has, and refuses what cannot fit unless force is set. Of large models garbage is collected
// from then on when there is a tenth as much of it as of everything else.
func CheckMemory(say func(format string, args ...any), force bool) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	need := int64(m.HeapAlloc) + spare
	if m.HeapAlloc > 4*spare {
		debug.SetGCPercent(10)
	}
	has, known := availableBytes()
	if say == nil {
		say = func(string, ...any) {}
	}
	if !known {
		say("memory: %.1f GB needed", gigabytes(need))
		return nil
	}
	say("memory: %.1f GB needed, %.1f GB available", gigabytes(need), gigabytes(has))
	return fits(need, has, force)
}

func fits(need, has int64, force bool) error {
	if need <= has || force {
		return nil
	}
	return fmt.Errorf("this training needs %.1f GB of memory and %.1f GB are available: lower micro_tokens, set gradient_checkpointing = true or lora_rank, or start it anyway with --force",
		gigabytes(need), gigabytes(has))
}

func gigabytes(n int64) float64 { return float64(n) / 1e9 }
