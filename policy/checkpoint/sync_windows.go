package checkpoint

import "os"

// syncPath flushes a file to disk. Windows cannot sync a directory.
func syncPath(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			return nil
		}
		return err
	}
	defer f.Close()
	return f.Sync()
}
