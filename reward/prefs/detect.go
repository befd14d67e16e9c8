package prefs

import "io"

// Detect tells the format of a stream from its first row, as Auto does; name
// stands in for the file's name in errors. It reads no further than it needs.
func Detect(in io.Reader, name string) (Format, error) {
	for row, err := range rows(in, name) {
		format := Auto
		if err == nil {
			format, err = detect(row.fields)
		}
		if err != nil {
			return Auto, &Error{File: name, Unit: row.unit, Line: row.number, Err: err}
		}
		return format, nil
	}
	return Auto, &Error{File: name, Err: io.ErrUnexpectedEOF}
}
