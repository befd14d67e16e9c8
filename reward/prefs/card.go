package prefs

import (
	"encoding/json"
	"sort"
	"strings"
	"time"
)

// suppressBelow is the smallest number of labelers that a published cell may show.
const suppressBelow = 5

// Card describes a data file: what is in it, who judged, and what the format
// could not hold. It is written beside every exported file.
type Card struct {
	Schema      string   `json:"schema"` // card/1
	File        string   `json:"file,omitempty"`
	Format      Format   `json:"format"`
	SHA256      string   `json:"sha256,omitempty"`
	Records     int      `json:"records"` // records read
	Rows        int      `json:"rows"`    // lines written
	Prompts     int      `json:"prompts"`
	Completions int      `json:"completions"` // distinct per prompt
	Workers     int      `json:"workers"`
	Pairs       int      `json:"pairs"` // untied comparisons
	Ties        int      `json:"ties"`
	TiePolicy   string   `json:"tie_policy"`
	Licence     string   `json:"licence,omitempty"`
	Filters     []string `json:"filters,omitempty"`
	Parents     []Parent `json:"parents,omitempty"`

	// Agreement is the chance that two judgments of the same pair agree.
	Agreement *Agreement `json:"agreement,omitempty"`
	// Pool counts workers by group value; values that fewer than 5 share are
	// counted together under "(suppressed)".
	Pool    map[string]map[string]int `json:"pool,omitempty"`
	Consent map[string]int            `json:"consent,omitempty"` // rankings by consent scope

	Languages  map[string]int `json:"languages,omitempty"`          // rankings by language
	Guidelines map[string]int `json:"guideline_versions,omitempty"` // rankings by version of the guidelines
	Forms      map[string]int `json:"form_versions,omitempty"`
	Answered   *Span          `json:"answered,omitempty"` // first and last ranking
	LeftOut    *LeftOut       `json:"left_out,omitempty"`
	Weights    *Weights       `json:"weights,omitempty"` // nil: the rankings have none, or keep those they came with
	Curated    *Curated       `json:"curated,omitempty"` // nil: the prompts are as they came

	Losses []Loss `json:"losses"` // empty: the format holds everything
}

// Span is from the first to the last time, RFC 3339.
type Span struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// LeftOut counts what the source has and the file has not.
type LeftOut struct {
	WithdrawnPeople  int `json:"withdrawn_people,omitempty"` // whose answers are left out at their own wish
	WithdrawnAnswers int `json:"withdrawn_answers,omitempty"`
	Excluded         int `json:"excluded_answers,omitempty"` // by a reviewer, with a reason
	Returned         int `json:"returned_answers,omitempty"` // given back for rework
}

// Agreement over pairs judged at least twice; ties are left out.
type Agreement struct {
	Pairwise float64 `json:"pairwise"`
	Pairs    int     `json:"pairs"`     // pairs with two or more judgments
	Judgment int     `json:"judgments"` // judgments of those pairs
	Ties     string  `json:"ties"`
}

// Loss is something in the records that the format has no place for.
type Loss struct {
	Field   string `json:"field"`
	Records int    `json:"records"` // how many carry it
	Why     string `json:"why"`
}

// tally builds a card record by record.
type tally struct {
	card        Card
	prompts     map[string]bool
	completions map[[2]string]bool
	judged      map[[3]string]*[2]int // prompt, lower id, higher id → votes for each
	workers     map[string]map[string]*string
	losses      map[string]*Loss
	first, last time.Time // of the rankings that have a time
}

func newTally(format Format, about About) *tally {
	policy := "equal ranks are kept"
	if isPairFormat(format) {
		policy = "tied pairs are left out"
	}
	return &tally{
		card: Card{Schema: "card/1", Format: format, TiePolicy: policy, Licence: about.Licence,
			Filters: about.Filters, Parents: about.Parents, LeftOut: about.LeftOut, Weights: about.Weights, Curated: about.Curated, Losses: []Loss{}},
		prompts: map[string]bool{}, completions: map[[2]string]bool{}, judged: map[[3]string]*[2]int{},
		workers: map[string]map[string]*string{}, losses: map[string]*Loss{},
	}
}

func isPairFormat(f Format) bool { return f == FormatTRL || f == FormatTRLImplicit || f == FormatHH }

func (t *tally) add(record Record, rows int) {
	t.card.Records++
	t.card.Rows += rows
	switch r := record.(type) {
	case *Ranked:
		t.prompts[r.PromptID] = true
		t.addCompletions(r.PromptID, r.Completions)
		t.addJudgments(r)
		if isPairFormat(t.card.Format) {
			t.pairLosses(r)
		} else if t.card.Format != FormatRanked {
			t.lose("ranking", "only the prompt or the best completion is written")
		}
	case *Completions:
		t.prompts[r.PromptID] = true
		t.addCompletions(r.PromptID, r.Completions)
		if t.card.Format != FormatCompletions {
			t.lose("completions", "only prompts are written")
		}
	case *Demo:
		t.prompts[r.PromptID] = true
		t.completions[[2]string{r.PromptID, CompletionID(r.Completion)}] = true
		t.addWorker(r.Worker, nil)
		if t.card.Format == FormatPrompt {
			t.lose("completion", "only prompts are written")
		}
	case *Prompt:
		t.prompts[r.PromptID] = true
	}
}

func (t *tally) addCompletions(promptID string, completions []Completion) {
	for _, c := range completions {
		t.completions[[2]string{promptID, c.ID}] = true
	}
}

func (t *tally) addJudgments(r *Ranked) {
	pairs, ties := r.Pairs()
	t.card.Pairs += len(pairs)
	t.card.Ties += ties
	for _, p := range pairs {
		a, b := r.Completions[p.Better].ID, r.Completions[p.Worse].ID
		side := 0
		if a > b {
			a, b, side = b, a, 1
		}
		key := [3]string{r.PromptID, a, b}
		if t.judged[key] == nil {
			t.judged[key] = new([2]int)
		}
		t.judged[key][side]++
	}
	t.addWorker(r.Worker, r.Groups)
	count(&t.card.Consent, r.Consent)
	count(&t.card.Languages, r.Lang)
	count(&t.card.Guidelines, r.GuidelineVersion)
	count(&t.card.Forms, r.FormVersion)
	t.addTime(r.Answered())
}

// count adds one to a value that is there.
func count(m *map[string]int, value string) {
	if value == "" {
		return
	}
	if *m == nil {
		*m = map[string]int{}
	}
	(*m)[value]++
}

func (t *tally) addTime(at time.Time) {
	if at.IsZero() {
		return
	}
	if t.first.IsZero() || at.Before(t.first) {
		t.first = at
	}
	if at.After(t.last) {
		t.last = at
	}
}

func (t *tally) addWorker(worker string, groups map[string]*string) {
	if worker != "" && (t.workers[worker] == nil || len(groups) > 0) {
		t.workers[worker] = groups
	}
}

func (t *tally) lose(field, why string) {
	if t.losses[field] == nil {
		t.losses[field] = &Loss{Field: field, Why: why}
	}
	t.losses[field].Records++
}

func (t *tally) finish() *Card {
	c := &t.card
	c.Prompts, c.Completions, c.Workers = len(t.prompts), len(t.completions), len(t.workers)
	c.Agreement = t.agreement()
	c.Pool = t.pool()
	if !t.first.IsZero() {
		c.Answered = &Span{t.first.UTC().Format(time.RFC3339), t.last.UTC().Format(time.RFC3339)}
	}
	for _, l := range t.losses {
		c.Losses = append(c.Losses, *l)
	}
	sort.Slice(c.Losses, func(i, j int) bool { return c.Losses[i].Field < c.Losses[j].Field })
	return c
}

// agreement is the share of equal votes among all pairs of votes on one pair of completions.
func (t *tally) agreement() *Agreement {
	a := &Agreement{Ties: "left out"}
	agree, all := 0, 0
	for _, votes := range t.judged {
		n := votes[0] + votes[1]
		if n < 2 {
			continue
		}
		a.Pairs++
		a.Judgment += n
		agree += votes[0]*(votes[0]-1) + votes[1]*(votes[1]-1)
		all += n * (n - 1)
	}
	if all == 0 {
		return nil
	}
	a.Pairwise = float64(agree) / float64(all)
	return a
}

func (t *tally) pool() map[string]map[string]int {
	counts := map[string]map[string]int{}
	for _, groups := range t.workers {
		for name, value := range groups {
			if counts[name] == nil {
				counts[name] = map[string]int{}
			}
			if value == nil {
				counts[name]["(suppressed)"]++
			} else {
				counts[name][*value]++
			}
		}
	}
	for _, cells := range counts {
		for value, n := range cells {
			if n < suppressBelow && value != "(suppressed)" {
				delete(cells, value)
				cells["(suppressed)"] += n
			}
		}
	}
	if len(counts) == 0 {
		return nil
	}
	return counts
}

// pairLosses counts what one ranking has and pairs of texts do not.
func (t *tally) pairLosses(r *Ranked) {
	if _, ties := r.Pairs(); ties > 0 {
		t.lose("ranks: ties", "the format has no tie; tied pairs are left out")
	}
	if originOf(r.Extra, t.card.Format) != nil && len(r.Completions) == 2 {
		return // the row goes back as it came
	}
	if len(r.Completions) > 2 {
		t.lose("ranks: K > 2", "one row per pair; that the pairs are one ranking is not written")
	}
	for _, rank := range r.Ranks {
		if rank == nil {
			t.lose("ranks: null", "completions that were not ranked are left out")
			break
		}
	}
	const none = "the format has no column for it"
	for field, present := range map[string]bool{
		"project": r.Project != "", "lang": r.Lang != "", "strength": r.Strength != nil,
		"none_acceptable": r.NoneAcceptable, "shown_order": len(r.ShownOrder) > 0, "ratings": len(r.Ratings) > 0,
		"prompt_flags": len(r.PromptFlags) > 0, "confidence": r.Confidence != nil, "note": r.Note != "",
		"worker_fold": r.WorkerFold != nil, "groups": len(r.Groups) > 0, "weight": r.Weight != nil,
		"consent": r.Consent != "", "guideline_version": r.GuidelineVersion != "", "ui_version": r.UIVersion != "",
		"form_version": r.FormVersion != "", "duration_ms": r.DurationMS != nil, "active_ms": r.ActiveMS != nil,
		"answered_at": r.AnsweredAt != "",
	} {
		if present {
			t.lose(field, none)
		}
	}
	t.completionLosses(r, none)
	t.otherLosses(r, none)
	if t.card.Format == FormatHH {
		t.hhLosses(r, none)
	}
}

func (t *tally) completionLosses(r *Ranked, why string) {
	lost := map[string]bool{}
	for _, c := range r.Completions {
		lost["policy"] = lost["policy"] || c.Policy != ""
		lost["sampling"] = lost["sampling"] || len(c.Sampling) > 0
		lost["finish"] = lost["finish"] || c.Finish != ""
		lost["logprob"] = lost["logprob"] || c.LogProb != nil
		for _, f := range c.Extra {
			lost[f.Name] = lost[f.Name] || !isEmpty(f.Value)
		}
	}
	for name, is := range lost {
		if is {
			t.lose("completions."+name, why)
		}
	}
}

// otherLosses counts members that ranked/1 itself does not know.
func (t *tally) otherLosses(r *Ranked, why string) {
	for _, f := range r.Extra {
		if f.Name != "origin" && f.Name != "prompt" && !isEmpty(f.Value) {
			t.lose(f.Name, why)
		}
	}
	var origin Origin
	raw, ok := r.Extra.Get("origin")
	if t.card.Format == FormatHH && ok && json.Unmarshal(raw, &origin) == nil {
		for _, c := range origin.Columns.Without("prompt_id", "worker", "split", "chosen_id", "rejected_id") {
			t.lose("origin.columns."+c.Name, why)
		}
	}
}

func (t *tally) hhLosses(r *Ranked, why string) {
	t.lose("prompt_id", why)
	t.lose("completions.id", why)
	if r.Worker != "" {
		t.lose("worker", why)
	}
	if r.Split != "" {
		t.lose("split", why)
	}
	if _, isText := promptText(r); isText {
		t.lose("prompt: string", "a prompt that is one string becomes a Human turn")
	}
	roles, markers := false, false
	for _, m := range r.Prompt {
		roles = roles || m.Role != "user" && m.Role != "assistant"
		markers = markers || nextMarker(m.Content) < len(m.Content)
	}
	for _, c := range r.Completions {
		markers = markers || nextMarker(c.Text) < len(c.Text)
	}
	if roles {
		t.lose("prompt: roles", "transcripts know only Human and Assistant; a system turn is set before the next Human turn")
	}
	if markers {
		t.lose("turn markers", strings.TrimSpace(`a text contains "Human:" or "Assistant:" after an empty line and will be read as a turn`))
	}
}
