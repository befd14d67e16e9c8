package labeler

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesPractice shows a practice item again once it is answered.
func (s *Server) routesPractice() []Route {
	return []Route{{Method: http.MethodGet, Path: "/practice/:lease", Allow: labelers, Handle: s.practice}}
}

// practice shows the researchers' answer beside the labeler's, and why.
func (s *Server) practice(c *gin.Context) error {
	ctx := c.Request.Context()
	r, err := s.store.Practised(ctx, user(c).ID, c.Param("lease"))
	if err != nil {
		return err
	}
	done, all, err := s.store.Trials(ctx, r.Project.ID, user(c).ID, db.ForPractice)
	if err != nil {
		return err
	}
	names, err := s.store.FieldNames(ctx, r.Project.ID)
	if err != nil {
		return err
	}
	v, err := practiceView(ctx, r, names)
	if err != nil {
		return err
	}
	v.Left = int(all - done)
	f := s.frame(c, say(c, "practice.title"))
	f.Reading = true
	return render(c, http.StatusOK, views.PracticePage(f, v))
}

// practiceView compares an answer with its key, in the letters that the texts were shown under.
func practiceView(ctx context.Context, r db.Practised, names db.FieldNames) (views.PracticeResult, error) {
	v := views.PracticeResult{Project: r.Project.Title, ProjectID: strconv.FormatInt(r.Project.ID, 10), Explanation: r.Key.Explanation}
	messages, err := r.Item.Messages()
	if err != nil {
		return v, err
	}
	for _, m := range messages {
		v.Turns = append(v.Turns, views.Turn{Role: turnRole(m.Role), Text: m.Content})
	}
	details, err := r.Answer.ParseDetails()
	if err != nil {
		return v, err
	}
	if details.Written != nil {
		v.Written = details.Written.Text
	}
	letters := shownLetters(r.Completions, r.Answer)
	v.Mine = outcome(ctx, r.Answer, letters)
	if r.Key.Ranks != nil || r.Key.NoneAcceptable {
		v.Key = outcome(ctx, keyAnswer(r.Key), letters)
	}
	agreement := r.Key.RankAgreement(r.Answer.Ranks)
	v.Same, v.Pairs = views.Number(agreement.Equal), agreement.N
	v.Texts = make([]views.PracticeText, len(r.Completions))
	for pos, text := range r.Completions {
		at := slices.Index(r.Answer.Shown, text.ExtID)
		if at < 0 {
			at = pos
		}
		v.Texts[at] = views.PracticeText{Text: text.Text, Mine: rankAt(r.Answer.Ranks, pos), Key: rankAt(r.Key.Ranks, pos)}
	}
	v.Flags = differentFlags(ctx, r, details, letters, names)
	return v, nil
}

// keyAnswer is a key as an answer, to be put in words like one.
func keyAnswer(k db.Solution) db.Answer {
	return db.Answer{Ranks: k.Ranks, Strength: k.Strength, NoneAcceptable: k.NoneAcceptable}
}

func rankAt(ranks []*int, pos int) int {
	if pos >= len(ranks) || ranks[pos] == nil {
		return 0
	}
	return *ranks[pos]
}

// differentFlags lists the flags that the key answers and the labeler does not answer alike.
func differentFlags(ctx context.Context, r db.Practised, given db.Details, letters []string, names db.FieldNames) []views.PracticeFlag {
	if r.Key.Details == nil {
		return nil
	}
	ofPrompt := func(key string) string { return flagName(ctx, names, key, true) }
	ofText := func(key string) string { return flagName(ctx, names, key, false) }
	out := flagsApart(ofPrompt, views.T(ctx, "practice.prompt.at"), r.Key.Details.PromptFlags, r.Key.Details.PromptFlagsNo, given.PromptFlags, given.PromptFlagsNo)
	for _, key := range r.Key.Details.Ratings {
		var mine db.Rated
		if i := slices.IndexFunc(given.Ratings, func(x db.Rated) bool { return x.ID == key.ID }); i >= 0 {
			mine = given.Ratings[i]
		}
		where := key.ID
		if i := slices.IndexFunc(r.Completions, func(t db.Completion) bool { return t.ExtID == key.ID }); i >= 0 {
			where = letters[i]
		}
		out = append(out, flagsApart(ofText, where, key.Flags, key.FlagsNo, mine.Flags, mine.FlagsNo)...)
	}
	return out
}

func flagsApart(name func(key string) string, where string, keyYes, keyNo, yes, no []string) []views.PracticeFlag {
	var out []views.PracticeFlag
	for _, f := range keyYes {
		if !slices.Contains(yes, f) {
			out = append(out, views.PracticeFlag{Where: where, Flag: name(f), Key: true})
		}
	}
	for _, f := range keyNo {
		if !slices.Contains(no, f) {
			out = append(out, views.PracticeFlag{Where: where, Flag: name(f)})
		}
	}
	return out
}
