// Package prefs reads and writes the files that pass between the site and the
// trainers: agora's own records (ranked/1, prompt/1, demo/1, completions/1) and
// the public preference formats that convert to and from them. It depends on
// nothing else in agora.
//
// Reading and writing stream, one record at a time. A file may be JSON lines or
// one JSON array, plain or gzip. Every fault carries file, line and field. What
// a record does not know it keeps, so that reading and writing gives equal rows
// in the same order; what a format cannot hold is counted in the card that
// Write returns.
package prefs
