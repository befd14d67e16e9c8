package prefs

import (
	"strings"
)

// Format names a file format. Auto, the empty string, is found out from the first row.
type Format string

const (
	Auto              Format = ""
	FormatRanked      Format = "ranked"
	FormatPrompt      Format = "prompt"
	FormatDemo        Format = "demo"
	FormatCompletions Format = "completions"
	FormatTRL         Format = "trl"          // TRL types with an explicit prompt, and its prompt-completion, prompt-only and messages rows
	FormatTRLImplicit Format = "trl-implicit" // chosen and rejected hold the prompt
	FormatHH          Format = "hh"           // chosen and rejected are "\n\nHuman: … \n\nAssistant: …" transcripts
	FormatHumour      Format = "humour"       // chosen, rejected and how many people voted for each
)

// Formats lists every format that can be read; humour cannot be written.
var Formats = []Format{FormatRanked, FormatPrompt, FormatDemo, FormatCompletions,
	FormatTRL, FormatTRLImplicit, FormatHH, FormatHumour}

// ParseFormat reads a format's name; "" and "auto" are Auto.
func ParseFormat(name string) (Format, error) {
	if name == "" || name == "auto" {
		return Auto, nil
	}
	for _, f := range Formats {
		if string(f) == name {
			return f, nil
		}
	}
	return Auto, faultf("unknown format %q, known are %s", name, formatNames())
}

func formatNames() string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}

// detect tells the format of a file from its first row.
func detect(row Fields) (Format, error) {
	if raw, ok := row.Get("schema"); ok {
		var schema string
		if err := decodeString(raw, &schema); err != nil {
			return Auto, &FieldError{"schema", err}
		}
		switch schema {
		case SchemaRanked:
			return FormatRanked, nil
		case SchemaPrompt:
			return FormatPrompt, nil
		case SchemaDemo:
			return FormatDemo, nil
		case SchemaCompletions:
			return FormatCompletions, nil
		}
		return Auto, fieldErrorf("schema", "unknown schema %q", schema)
	}
	switch {
	case row.Has("chosen", "rejected", "votes_chosen", "votes_rejected"):
		return FormatHumour, nil
	case row.Has("chosen", "rejected", "prompt"):
		return FormatTRL, nil
	case row.Has("chosen", "rejected"):
		if isTranscript(row, "chosen") && isTranscript(row, "rejected") {
			return FormatHH, nil
		}
		return FormatTRLImplicit, nil
	case row.Has("prompt"), row.Has("messages"):
		return FormatTRL, nil
	}
	names := make([]string, len(row))
	for i, f := range row {
		names[i] = f.Name
	}
	return Auto, faultf("no known format has the columns {%s}; known formats: %s", strings.Join(names, ", "), formatNames())
}
