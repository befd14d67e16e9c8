//go:build !unix

package checkpoint

import (
	"errors"
	"os"
)

func mapFile(*os.File) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) {}
