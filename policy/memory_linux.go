package policy

import (
	"os"
	"strconv"
	"strings"
)

// availableBytes is what this process can have in all without swapping: what it holds and what the
// system, or the control group that it runs in, can still give.
func availableBytes() (int64, bool) {
	free, ok := field("/proc/meminfo", "MemAvailable:")
	if !ok {
		return 0, false
	}
	free *= 1024
	const group = "/sys/fs/cgroup/"
	if limit, ok := number(group + "memory.max"); ok { // "max" is no number
		used, _ := number(group + "memory.current")
		cache, _ := field(group+"memory.stat", "inactive_file")
		free = min(free, limit-used+cache)
	}
	own, _ := field("/proc/self/status", "RssAnon:")
	return free + 1024*own, true
}

// field is the number behind a word at the start of a line.
func field(file, word string) (int64, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == word {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

func number(file string) (int64, bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil
}
