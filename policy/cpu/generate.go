//go:build ignore

// Writes the assembly kernels: go generate ./policy/cpu
package main

import (
	"log"
	"os"

	"agora/policy/cpu/internal/asmgen"
)

func main() {
	for name, text := range asmgen.Files() {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
