package hub

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// report tells how far each file is: on a terminal in a line that is redrawn, else every ten seconds
// and at the end.
func report(w io.Writer) func(path string, done, total int64) {
	f, ok := w.(*os.File)
	tty := ok && term.IsTerminal(int(f.Fd()))
	every := 10 * time.Second
	if tty {
		every = 100 * time.Millisecond
	}
	last := time.Now()
	return func(path string, done, total int64) {
		if now := time.Now(); done < total && now.Sub(last) < every {
			return
		} else {
			last = now
		}
		line := fmt.Sprintf("%s %.1f of %.1f MB", path, float64(done)/1e6, float64(total)/1e6)
		switch {
		case !tty:
			fmt.Fprintln(w, line)
		case done < total:
			fmt.Fprintf(w, "\r\x1b[K%s", line)
		default:
			fmt.Fprintf(w, "\r\x1b[K%s\n", line)
		}
	}
}
