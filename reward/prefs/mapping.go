package prefs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mapping says which columns of a file of unknown shape hold what. A column is
// a member of the row's object, or a cell of a table. What is left empty is
// not there. Rows become rankings with Preference or Ranks, texts to be ranked
// with two or more completions, demonstrations with one, prompts with none.
type Mapping struct {
	Prompt      string   `json:"prompt"`                // a text, or messages
	System      string   `json:"system,omitempty"`      // a system turn before it
	Completions []string `json:"completions,omitempty"` // columns with one text each
	Policies    []string `json:"policies,omitempty"`    // beside Completions: columns that say who wrote each
	List        string   `json:"list,omitempty"`        // a column with all texts: a JSON list of texts or of objects
	ListText    string   `json:"list_text,omitempty"`   // member of those objects with the text (default: text)
	ListPolicy  string   `json:"list_policy,omitempty"` // member with who wrote it (default: policy)
	Preference  string   `json:"preference,omitempty"`  // which completion is better: A, 1, left, model_a, tie …
	FromZero    bool     `json:"from_zero,omitempty"`   // numbers in Preference count from 0
	Ranks       string   `json:"ranks,omitempty"`       // a list of ranks, 1 is best, or numbers with commas between
	Worker      string   `json:"worker,omitempty"`      // who judged, or who wrote the demonstration
	Lang        string   `json:"lang,omitempty"`        // of the prompt
	PromptID    string   `json:"prompt_id,omitempty"`   //
	Note        string   `json:"note,omitempty"`        // of the judgement
	Confidence  string   `json:"confidence,omitempty"`  //
	AnsweredAt  string   `json:"answered_at,omitempty"` // RFC 3339
	Keep        []string `json:"keep,omitempty"`        // further columns to keep with the record
}

// ParseMapping reads a mapping; unknown members are errors.
func ParseMapping(data []byte) (Mapping, error) {
	var m Mapping
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("mapping: %w", err)
	}
	return m, m.Validate()
}

// Validate names what does not go together.
func (m Mapping) Validate() error {
	n := len(m.Completions)
	switch {
	case m.Prompt == "" && n == 0 && m.List == "":
		return fieldErrorf("prompt", "name the column of the prompt")
	case n > 0 && m.List != "":
		return fieldErrorf("list", "completions come from columns or from one list, not both")
	case n > 0 && slices.Contains(m.Completions, ""):
		return fieldErrorf("completions", "one of the columns has no name")
	case len(m.Policies) > n:
		return fieldErrorf("policies", "%d columns for %d completions", len(m.Policies), n)
	case m.Preference != "" && m.Ranks != "":
		return fieldErrorf("ranks", "take either the preference or the ranks")
	case (m.Preference != "" || m.Ranks != "") && m.List == "" && n < 2:
		return fieldErrorf("completions", "a judgement needs two or more completions")
	}
	return nil
}

// columns lists all columns that the mapping reads.
func (m Mapping) columns() []string {
	all := slices.Concat([]string{m.Prompt, m.System, m.List, m.Preference, m.Ranks, m.Worker, m.Lang, m.PromptID, m.Note, m.Confidence, m.AnsweredAt}, m.Completions, m.Policies, m.Keep)
	return slices.DeleteFunc(all, func(c string) bool { return c == "" })
}

// parse makes the record of a row.
func (m Mapping) parse(row Fields) ([]Record, error) {
	for _, name := range m.columns() {
		if !row.Has(name) {
			return nil, fieldErrorf(name, "is missing")
		}
	}
	prompt, err := m.promptOf(row)
	if err != nil {
		return nil, err
	}
	cs, err := m.completionsOf(row)
	if err != nil {
		return nil, err
	}
	id := m.text(row, m.PromptID)
	if id == "" {
		id = PromptID(prompt)
	}
	var extra Fields
	for _, name := range m.Keep {
		raw, _ := row.Get(name)
		extra.Set(name, raw)
	}
	if lang := m.text(row, m.Lang); lang != "" && len(cs) > 0 && m.Preference == "" && m.Ranks == "" {
		extra.Set("lang", encode(lang)) // these records have no member for it
	}
	var r Record
	switch {
	case m.Preference != "" || m.Ranks != "":
		r, err = m.ranked(row, &Ranked{PromptID: id, Prompt: prompt, Lang: m.text(row, m.Lang), Completions: cs, Worker: m.text(row, m.Worker),
			Note: m.text(row, m.Note), AnsweredAt: m.text(row, m.AnsweredAt), Extra: extra})
	case len(cs) > 1:
		r = &Completions{PromptID: id, Prompt: prompt, Completions: cs, Extra: extra}
	case len(cs) == 1:
		r = &Demo{PromptID: id, Prompt: prompt, Completion: cs[0].Text, Worker: m.text(row, m.Worker), Extra: extra}
	default:
		r = &Prompt{PromptID: id, Prompt: prompt, Lang: m.text(row, m.Lang), Extra: extra}
	}
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return nil, err
	}
	return []Record{r}, nil
}

// text is a column as a text: a string as it is, a number or truth value as written, null and no column as "".
func (m Mapping) text(row Fields, name string) string {
	raw, _ := row.Get(name)
	var s string
	if name == "" || isNull(raw) {
		return ""
	}
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

func (m Mapping) promptOf(row Fields) ([]Message, error) {
	var prompt []Message
	if m.Prompt != "" {
		raw, _ := row.Get(m.Prompt)
		if list := listInText(raw); list != nil {
			raw = list // a table's cell that holds messages as JSON
		}
		if err := decodePrompt(raw, &prompt); err != nil {
			return nil, within(m.Prompt, err)
		}
	}
	if s := m.text(row, m.System); s != "" {
		prompt = append([]Message{{Role: "system", Content: s}}, prompt...)
	}
	if m.Prompt != "" && (len(prompt) == 0 || strings.TrimSpace(prompt[len(prompt)-1].Content) == "") {
		return nil, fieldErrorf(m.Prompt, "is empty")
	}
	return prompt, nil
}

// listInText is the JSON list that a string holds, nil for any other string.
func listInText(raw json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) != nil || !strings.HasPrefix(strings.TrimSpace(text), "[{") || !json.Valid([]byte(text)) {
		return nil
	}
	return json.RawMessage(text)
}

func (m Mapping) completionsOf(row Fields) ([]Completion, error) {
	if m.List != "" {
		return m.listed(row)
	}
	var cs []Completion
	for i, name := range m.Completions {
		side, err := column(row, name)
		if err != nil {
			return nil, err
		}
		c := Completion{ID: fmt.Sprintf("c%d", i+1), Text: side.words()}
		if i < len(m.Policies) {
			c.Policy = m.text(row, m.Policies[i])
		}
		cs = append(cs, c)
	}
	return cs, nil
}

// listed reads the texts of one column.
func (m Mapping) listed(row Fields) ([]Completion, error) {
	raw, _ := row.Get(m.List)
	var inText string
	if json.Unmarshal(raw, &inText) == nil {
		raw = json.RawMessage(inText)
	}
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil {
		return nil, fieldErrorf(m.List, "must be a list, is %s", kind(raw))
	}
	var cs []Completion
	for i, e := range elements {
		c := Completion{ID: fmt.Sprintf("c%d", i+1)}
		if json.Unmarshal(e, &c.Text) != nil {
			var member Fields
			if err := decodeFields(e, &member); err != nil {
				return nil, within(m.List, indexed(i, err))
			}
			name := or(m.ListText, "text")
			if !member.Has(name) {
				return nil, fieldErrorf(fmt.Sprintf("%s[%d].%s", m.List, i, name), "is missing")
			}
			c.Text, c.Policy = m.text(member, name), m.text(member, or(m.ListPolicy, "policy"))
		}
		cs = append(cs, c)
	}
	return cs, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// ranked fills in the judgement.
func (m Mapping) ranked(row Fields, r *Ranked) (*Ranked, error) {
	var err error
	if m.Ranks != "" {
		r.Ranks, err = ranksIn(m.text(row, m.Ranks))
		if err != nil {
			return nil, within(m.Ranks, err)
		}
	} else if r.Ranks, err = m.preferred(m.text(row, m.Preference), len(r.Completions)); err != nil {
		return nil, within(m.Preference, err)
	}
	if c := m.text(row, m.Confidence); c != "" {
		v, err := strconv.ParseFloat(c, 64)
		if err != nil {
			return nil, fieldErrorf(m.Confidence, "must be a number, is %q", c)
		}
		r.Confidence = &v
	}
	return r, nil
}

// ranksIn reads [1,2,1] or "1, 2, 1"; null and an empty place are not ranked.
func ranksIn(text string) ([]*int, error) {
	parts := strings.Split(strings.Trim(strings.TrimSpace(text), "[]"), ",")
	ranks := make([]*int, len(parts))
	for i, p := range parts {
		p = strings.Trim(strings.TrimSpace(p), `"`)
		if p == "" || p == "null" {
			continue
		}
		v, err := strconv.ParseFloat(p, 64)
		if err != nil || v != float64(int(v)) || v < 1 {
			return nil, faultf("%q is no list of ranks such as 1,2,1", text)
		}
		n := int(v)
		ranks[i] = &n
	}
	return ranks, nil
}

// sides are the words that sets use for the first and second of two texts.
var sides = map[string]int{"left": 0, "first": 0, "model_a": 0, "response_a": 0, "answer_a": 0, "output_a": 0, "completion_a": 0, "assistant_a": 0,
	"right": 1, "second": 1, "model_b": 1, "response_b": 1, "answer_b": 1, "output_b": 1, "completion_b": 1, "assistant_b": 1}

// ties are the words for neither.
var ties = []string{"tie", "tied", "equal", "same", "both", "neither", "draw", "tie (bothbad)", "tie_bothbad", "both_bad", "bothbad"}

// preferred turns the word for the better one of n completions into ranks.
func (m Mapping) preferred(word string, n int) ([]*int, error) {
	w := strings.ToLower(strings.TrimSpace(word))
	best, known := sides[w]
	switch {
	case w == "":
		return nil, faultf("is empty")
	case slices.Contains(ties, w):
		best, known = -1, true
	case len(w) == 1 && w[0] >= 'a' && w[0] <= 'i':
		best, known = int(w[0]-'a'), true
	default:
		if v, err := strconv.ParseFloat(w, 64); err == nil && v == float64(int(v)) {
			best, known = int(v), true
			if !m.FromZero {
				best--
			}
			known = best >= 0
		}
	}
	if !known || best >= n {
		return nil, faultf("%q names none of %d completions: use A, B …, 1, 2 …, left, right, model_a, model_b or tie", word, n)
	}
	ranks := make([]*int, n)
	for i := range ranks {
		rank := 2
		if i == best || best < 0 {
			rank = 1
		}
		ranks[i] = &rank
	}
	return ranks, nil
}

// GuessMapping proposes a mapping from the names of columns. ok is false when no prompt is found.
func GuessMapping(columns []string) (m Mapping, ok bool) {
	find := func(names ...string) string {
		for _, n := range names {
			for _, c := range columns {
				if strings.EqualFold(strings.NewReplacer("-", "_", " ", "_").Replace(c), n) {
					return c
				}
			}
		}
		return ""
	}
	m.Prompt = find("prompt", "instruction", "question", "query", "input", "post", "context", "conversation")
	m.System = find("system", "system_prompt")
	for _, stem := range []string{"completion", "response", "answer", "output", "text", "reply", "summary"} {
		for _, ends := range [][]string{{"_a", "_b", "_c", "_d", "_e", "_f", "_g", "_h", "_i"}, {"_1", "_2", "_3", "_4", "_5", "_6", "_7", "_8", "_9"}, {"1", "2", "3", "4", "5", "6", "7", "8", "9"}, {"_0", "_1", "_2", "_3"}} {
			for _, end := range ends {
				c := find(stem + end)
				if c == "" {
					break
				}
				m.Completions = append(m.Completions, c)
			}
			if len(m.Completions) > 0 {
				break
			}
		}
		if len(m.Completions) > 0 {
			break
		}
	}
	if len(m.Completions) == 0 {
		m.List = find("completions", "responses", "answers", "outputs", "candidates")
	}
	if len(m.Completions) == 2 {
		if a, b := find("model_a", "policy_a", "model_1"), find("model_b", "policy_b", "model_2"); a != "" && b != "" {
			m.Policies = []string{a, b}
		}
	}
	if len(m.Completions) > 1 || m.List != "" {
		m.Preference = find("preference", "preferred", "winner", "choice", "label", "better", "best")
		if m.Ranks = find("ranks", "rank", "ranking"); m.Ranks != "" {
			m.Preference = ""
		}
	} else if len(m.Completions) == 0 && m.List == "" {
		if c := find("completion", "response", "answer", "output"); c != "" {
			m.Completions = []string{c}
		}
	}
	m.Worker = find("worker", "worker_id", "annotator", "annotator_id", "labeler", "rater", "user", "judge")
	m.Lang = find("lang", "language", "locale")
	m.PromptID = find("prompt_id", "id", "question_id", "item_id")
	m.Note = find("note", "comment", "rationale", "reason")
	m.Confidence = find("confidence")
	if m.Preference == "" && m.Ranks == "" {
		m.Note, m.Confidence = "", ""
	}
	return m, m.Prompt != ""
}
