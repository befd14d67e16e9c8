package prefs

import (
	"strings"
)

// The turn markers of HH-RLHF transcripts.
const (
	human     = "\n\nHuman:"
	assistant = "\n\nAssistant:"
)

// parseHH reads {"chosen","rejected"} transcripts. The prompt is the longest run
// of equal turns that an assistant turn follows in both; in a few rows of the
// published files that is earlier than the last turn, and the completions then
// hold the rest of their conversations.
func parseHH(row Fields) ([]Record, error) {
	p := preference{}
	var sides [2][]Message
	for i, name := range []string{"chosen", "rejected"} {
		text, err := stringColumn(row, name)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(text, human) && !strings.HasPrefix(text, assistant) {
			return nil, fieldErrorf(name, `does not start with "\n\nHuman:"; if this is not an HH transcript, name the format (trl-implicit)`)
		}
		sides[i] = transcriptTurns(text)
	}
	cut := promptLength(sides[0], sides[1])
	p.prompt = sides[0][:cut]
	p.chosen, p.rejected = turnsText(sides[0][cut:]), turnsText(sides[1][cut:])
	r, err := p.ranked(FormatHH, row)
	if err != nil {
		return nil, err
	}
	return []Record{r}, nil
}

// transcriptTurns cuts a transcript at its markers. One space after a marker
// belongs to the marker.
func transcriptTurns(text string) []Message {
	var turns []Message
	for text != "" {
		m := Message{Role: "user"}
		rest, isHuman := strings.CutPrefix(text, human)
		if !isHuman {
			m.Role = "assistant"
			rest = strings.TrimPrefix(text, assistant)
		}
		end := nextMarker(rest)
		m.Content = strings.TrimPrefix(rest[:end], " ")
		turns = append(turns, m)
		text = rest[end:]
	}
	return turns
}

func nextMarker(text string) int {
	end := len(text)
	for _, marker := range []string{human, assistant} {
		if i := strings.Index(text, marker); i >= 0 && i < end {
			end = i
		}
	}
	return end
}

// promptLength is the largest n such that the first n messages are equal in both
// and both go on with an assistant message; 0 where there is none.
func promptLength(a, b []Message) int {
	best := 0
	for n := 0; n < len(a) && n < len(b); n++ {
		if a[n].Role == "assistant" && b[n].Role == "assistant" {
			best = n
		}
		if !equalMessages(a[n], b[n]) {
			break
		}
	}
	return best
}

func equalMessages(a, b Message) bool {
	if len(a.Extra) == 0 && len(b.Extra) == 0 {
		return a.Role == b.Role && a.Content == b.Content
	}
	return equalJSON(encode(a), encode(b))
}

// turnsText writes what follows a prompt: the assistant's words, and further
// turns, where there are any, with their markers.
func turnsText(turns []Message) string {
	if len(turns) == 0 {
		return ""
	}
	if turns[0].Role != "assistant" {
		return transcript(turns)
	}
	return turns[0].Content + transcript(turns[1:])
}

// transcript writes messages with HH markers. HH has no system turn: a system
// message is set before the next human turn's text.
func transcript(turns []Message) string {
	var out strings.Builder
	system := ""
	for _, m := range turns {
		switch m.Role {
		case "system":
			system += m.Content + "\n\n"
			continue
		case "assistant":
			out.WriteString(assistant)
		default:
			out.WriteString(human)
		}
		out.WriteString(" " + system + m.Content)
		system = ""
	}
	return out.String()
}

// hhRow writes one pair as transcripts; a line without prompt starts with the assistant's turn.
func hhRow(r *Ranked, p Pair) Fields {
	prompt := transcript(r.Prompt)
	return Fields{
		{"chosen", encode(prompt + assistant + " " + r.Completions[p.Better].Text)},
		{"rejected", encode(prompt + assistant + " " + r.Completions[p.Worse].Text)},
	}
}

func isTranscript(row Fields, name string) bool {
	text, err := stringColumn(row, name)
	return err == nil && strings.HasPrefix(text, human)
}

func stringColumn(row Fields, name string) (string, error) {
	raw, ok := row.Get(name)
	if !ok {
		return "", &FieldError{name, faultf("is missing")}
	}
	var text string
	if err := decodeString(raw, &text); err != nil {
		return "", &FieldError{name, err}
	}
	if isNull(raw) {
		return "", &FieldError{name, faultf("must be a string, is null")}
	}
	return text, nil
}
