package db

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"gorm.io/gorm"
)

// SurveyAnswer is what somebody said about themselves. It names no person: only
// the row of survey_links that holds the same key does, as long as it is there.
type SurveyAnswer struct {
	Key       string `gorm:"primaryKey"` // random
	ProjectID int64
	Answers   map[string][]string `gorm:"serializer:json"` // by question: chosen values, or the text
	Training  bool                // the person agrees that answers go along with their exported judgements
}

// surveyLink is the only thing that joins survey answers to a person.
type surveyLink struct {
	ProjectID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	Key       string
}

// Kinds of survey questions.
const (
	AskOne     = "one"     // one of Options
	AskMany    = "many"    // any of Options
	AskCountry = "country" // an ISO 3166 country
	AskText    = "text"    // own words, never exported
)

// NotSaid is the answer "prefer not to say", offered with every question.
const NotSaid = "not_said"

// SurveyQuestion is a question of the survey; its words are in the catalogue.
type SurveyQuestion struct {
	Key     string // also the group's name in exports
	Kind    string
	Options []string
}

// SurveyQuestions are those of InstructGPT's Table 12, in its order and wording,
// then country of birth and of residence, first languages and a free text.
var SurveyQuestions = []SurveyQuestion{
	{"gender", AskOne, []string{"male", "female", "nonbinary_other"}},
	{"ethnicity", AskMany, []string{"white", "southeast_asian", "indigenous", "east_asian", "middle_eastern", "latinx", "black"}},
	{"nationality", AskCountry, nil},
	{"age", AskOne, []string{"18-24", "25-34", "35-44", "45-54", "55-64", "65+"}},
	{"education", AskOne, []string{"less_than_high_school", "high_school", "undergraduate", "masters", "doctorate"}},
	{"birth_country", AskCountry, nil},
	{"residence_country", AskCountry, nil},
	{"first_language", AskText, nil},
	{"self_description", AskText, nil},
}

// Countries are the ISO 3166 codes that a country question takes.
var Countries = countries()

func countries() []string {
	var codes []string
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			if r, err := language.ParseRegion(code); err == nil && r.IsCountry() && r.Canonicalize().String() == code {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// checkSurvey keeps known questions and refuses answers that are not offered.
func checkSurvey(in map[string][]string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, q := range SurveyQuestions {
		values := slices.DeleteFunc(slices.Clone(in[q.Key]), func(v string) bool { return strings.TrimSpace(v) == "" })
		if len(values) == 0 {
			continue
		}
		if slices.Contains(values, NotSaid) {
			values = []string{NotSaid}
		}
		if len(values) > 1 && q.Kind != AskMany {
			return nil, Invalid(q.Key, "takes one answer, got %d", len(values))
		}
		for i, v := range values {
			if values[i] = strings.TrimSpace(v); !q.takes(values[i]) {
				return nil, Invalid(q.Key, "%.40q is not among the answers", v)
			}
		}
		out[q.Key] = values
	}
	return out, nil
}

func (q SurveyQuestion) takes(v string) bool {
	switch {
	case v == NotSaid:
		return true
	case q.Kind == AskText:
		return len(v) <= 5000
	case q.Kind == AskCountry:
		return slices.Contains(Countries, v)
	}
	return slices.Contains(q.Options, v)
}

// Survey returns a member's answers in a project, or ErrNotFound.
func (s *Store) Survey(ctx context.Context, projectID, userID int64) (SurveyAnswer, error) {
	return first[SurveyAnswer](s.read(ctx).Where("key = (SELECT key FROM survey_links WHERE project_id = ? AND user_id = ?)", projectID, userID))
}

// PutSurvey stores or replaces a member's answers and passes the step.
// training says that they agree to their use beside exported judgements.
func (s *Store) PutSurvey(ctx context.Context, projectID, userID int64, answers map[string][]string, training bool) error {
	checked, err := checkSurvey(answers)
	if err != nil {
		return err
	}
	return s.asMember(ctx, projectID, userID, func(tx *gorm.DB, p Project, m *Member) error {
		link, err := first[surveyLink](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
		if errors.Is(err, ErrNotFound) {
			link = surveyLink{projectID, userID, rand.Text()}
			err = tx.Create(&link).Error
		}
		if err != nil {
			return err
		}
		row := SurveyAnswer{link.Key, projectID, checked, training}
		if err := tx.Save(&row).Error; err != nil {
			return err
		}
		return s.passSurvey(tx, p, m)
	})
}

// SkipSurvey passes the step without an answer.
func (s *Store) SkipSurvey(ctx context.Context, projectID, userID int64) error {
	return s.asMember(ctx, projectID, userID, s.passSurvey)
}

func (s *Store) passSurvey(tx *gorm.DB, p Project, m *Member) error {
	m.SurveySeen = true
	err := tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", m.ProjectID, m.UserID).Update("survey_seen", true).Error
	if err != nil {
		return err
	}
	return s.advance(tx, p, m)
}

// WithdrawSurvey cuts a member's survey answers off for good. keep leaves the
// answers, with nobody's name or number on them, to be counted in the make-up
// of the project's people, and never exported; otherwise they are deleted.
func (s *Store) WithdrawSurvey(ctx context.Context, projectID, userID int64, keep bool) error {
	return s.asMember(ctx, projectID, userID, func(tx *gorm.DB, _ Project, m *Member) error {
		found, err := unlinkSurvey(tx, projectID, userID, keep)
		if err != nil || !found {
			return err
		}
		return audit(tx, s.Now(), userID, "survey.withdraw", "project:"+itoa(projectID), nil)
	})
}

// unlinkSurvey removes the link, and the answers unless they are to be kept.
func unlinkSurvey(tx *gorm.DB, projectID, userID int64, keep bool) (found bool, err error) {
	link, err := first[surveyLink](tx.Where("project_id = ? AND user_id = ?", projectID, userID))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := tx.Where("project_id = ? AND user_id = ?", projectID, userID).Delete(&surveyLink{}).Error; err != nil {
		return false, err
	}
	if !keep {
		return true, tx.Where("key = ?", link.Key).Delete(&SurveyAnswer{}).Error
	}
	row, err := first[SurveyAnswer](tx.Where("key = ?", link.Key))
	if err != nil {
		return false, err
	}
	for _, q := range SurveyQuestions { // own words could tell who it was
		if q.Kind == AskText {
			delete(row.Answers, q.Key)
		}
	}
	if err := tx.Where("key = ?", link.Key).Delete(&SurveyAnswer{}).Error; err != nil {
		return false, err
	}
	row.Key, row.Training = rand.Text(), false // the old key may stand in a backup
	return true, tx.Create(&row).Error
}
