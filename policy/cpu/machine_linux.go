package cpu

import "golang.org/x/sys/unix"

// machineBytes is the memory that the machine has, swap included, 0 where that is not known. More cannot be had
// at all: asking for it ends the program.
func machineBytes() float64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return (float64(info.Totalram) + float64(info.Totalswap)) * float64(info.Unit)
}
