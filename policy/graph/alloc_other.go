//go:build !linux

package graph

func adviseHugePages([]float32) {}
