package cpu

import (
	"os"
	"path/filepath"
	"runtime"
)

// physicalCores counts the processor's cores, hyper-threads of one core counted once.
// Where the system does not tell, every logical processor counts.
func physicalCores() int {
	lists, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list")
	cores := map[string]bool{}
	for _, name := range lists {
		siblings, err := os.ReadFile(name)
		if err != nil {
			return runtime.NumCPU()
		}
		cores[string(siblings)] = true
	}
	if len(cores) == 0 {
		return runtime.NumCPU()
	}
	return len(cores)
}
