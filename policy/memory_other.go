//go:build !linux

package policy

func availableBytes() (int64, bool) { return 0, false }
