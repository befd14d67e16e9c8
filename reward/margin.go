package reward

import (
	"encoding/json"

	"agora/reward/prefs"
)

// marginOf is how much better the better text of a K = 2 line is said to be: the
// column "margin" of TRL's preference rows, else the line's strength (1 slightly, 2
// clearly), else 0.
func marginOf(r *prefs.Ranked) float64 {
	raw, ok := r.Extra.Get("margin")
	if !ok {
		var origin prefs.Origin
		if text, has := r.Extra.Get("origin"); has && json.Unmarshal(text, &origin) == nil {
			raw, ok = origin.Columns.Get("margin")
		}
	}
	var m float64
	switch {
	case ok && json.Unmarshal(raw, &m) == nil:
		return m
	case r.Strength != nil:
		return *r.Strength
	}
	return 0
}
