package db

import (
	"slices"
	"time"
)

// median returns the middle of the values, 0 of none. It sorts them in place.
func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// dateIn is midnight of a day.
func dateIn(y int, m time.Month, d int, loc *time.Location) time.Time {
	return time.Date(y, m, d, 0, 0, 0, 0, loc)
}
