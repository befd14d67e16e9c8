package db

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"gorm.io/gorm"
)

// SmallestGroup is how many labelers must share a value before it is shown or
// written anywhere.
const SmallestGroup = 5

// MemberGroups is what a project knows about the make-up of one labeler: tags
// of the invitation, and survey answers while these are linked.
type MemberGroups struct {
	UserID int64
	Worker string
	Groups map[string]string // name → value; a person of several ethnicities is "several"
}

// MemberGroups lists the members of a project with their groups, for figures
// that keep SmallestGroup. Not for exports.
func (s *Store) MemberGroups(ctx context.Context, projectID int64) ([]MemberGroups, error) {
	var out []MemberGroups
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		people, err := peopleOf(tx, projectID)
		for _, p := range people {
			out = append(out, MemberGroups{p.member.UserID, p.member.Worker, p.groups(true)})
		}
		return err
	})
	return out, err
}

// SurveyCounts counts the answers of a project's survey, also those cut off
// from their person: question → value → people. Values of fewer than
// SmallestGroup are counted under "".
func (s *Store) SurveyCounts(ctx context.Context, projectID int64) (counts map[string]map[string]int, people int, err error) {
	rows, err := all[SurveyAnswer](s.read(ctx).Where("project_id = ?", projectID))
	if err != nil {
		return nil, 0, err
	}
	counts = map[string]map[string]int{}
	for _, q := range SurveyQuestions {
		if q.Kind == AskText {
			continue
		}
		all := map[string]int{}
		for _, r := range rows {
			for _, v := range r.Answers[q.Key] {
				all[v]++
			}
		}
		counts[q.Key] = map[string]int{}
		for v, n := range all {
			if n < SmallestGroup {
				v = ""
			}
			counts[q.Key][v] += n
		}
	}
	return counts, len(rows), nil
}

// ExportPerson is what an export may say about a labeler.
type ExportPerson struct {
	Consent string             // version agreed to, such as "c2"; "": none
	Groups  map[string]*string // nil value: fewer than SmallestGroup labelers of the export share it
}

// ExportPeople returns it by pseudonym, for the members with answers in use.
// Groups are there only for people who agreed to a consent text that covers
// it, and survey answers only when they agreed to that as well.
func (s *Store) ExportPeople(ctx context.Context, projectID int64) (map[string]ExportPerson, error) {
	out := map[string]ExportPerson{}
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		var working []string
		err := tx.Model(&Answer{}).Where("project_id = ? AND state = ? AND purpose = ? AND user_id <> 0", projectID, AnswerActive, ForWork).
			Distinct().Pluck("worker", &working).Error
		if err != nil {
			return err
		}
		people, err := peopleOf(tx, projectID)
		if err != nil {
			return err
		}
		people = slices.DeleteFunc(people, func(p person) bool { return !slices.Contains(working, p.member.Worker) })
		shared := map[[2]string]int{}
		for _, p := range people {
			for name, value := range p.exported() {
				shared[[2]string{name, value}]++
			}
		}
		for _, p := range people {
			e := ExportPerson{Consent: p.consent, Groups: map[string]*string{}}
			for name, value := range p.exported() {
				e.Groups[name] = nil
				if shared[[2]string{name, value}] >= SmallestGroup {
					e.Groups[name] = &value
				}
			}
			out[p.member.Worker] = e
		}
		return nil
	})
	return out, err
}

// person is a member with what they agreed to and said.
type person struct {
	member  Member
	consent string // newest version agreed to
	covered bool   // which covers groups, and they have not declined since
	survey  SurveyAnswer
}

// groups joins tags and survey answers; a tag never hides an answer.
func (p person) groups(survey bool) map[string]string {
	g := maps.Clone(p.member.Tags)
	if g == nil {
		g = map[string]string{}
	}
	if !survey {
		return g
	}
	for _, q := range SurveyQuestions {
		values := p.survey.Answers[q.Key]
		switch {
		case q.Kind == AskText || len(values) == 0 || values[0] == NotSaid:
		case len(values) > 1:
			g[q.Key] = "several"
		default:
			g[q.Key] = values[0]
		}
	}
	return g
}

// exported are the groups that the person's consent lets into exports.
func (p person) exported() map[string]string {
	if !p.covered {
		return nil
	}
	return p.groups(p.survey.Training)
}

// peopleOf loads the members of a project with consent and survey.
func peopleOf(tx *gorm.DB, projectID int64) ([]person, error) {
	members, err := all[Member](tx.Where("project_id = ?", projectID).Order("joined, user_id"))
	if err != nil {
		return nil, err
	}
	consents, err := all[Consent](tx.Where("project_id = ?", projectID).Order("id"))
	if err != nil {
		return nil, err
	}
	texts, err := all[ConsentText](tx.Where("project_id = ?", projectID))
	if err != nil {
		return nil, err
	}
	surveys, err := surveysOf(tx, projectID)
	if err != nil {
		return nil, err
	}
	people := make([]person, len(members))
	for i, m := range members {
		people[i] = person{member: m, survey: surveys[m.UserID]}
		for _, c := range consents {
			if c.UserID != m.UserID {
				continue
			}
			people[i].covered = false
			if c.Agreed {
				t := texts[slices.IndexFunc(texts, func(t ConsentText) bool { return t.Version == c.Version })]
				people[i].consent, people[i].covered = t.Name(), t.Training
			}
		}
	}
	return people, nil
}

// surveysOf loads the linked survey answers by user.
func surveysOf(tx *gorm.DB, projectID int64) (map[int64]SurveyAnswer, error) {
	links, err := all[surveyLink](tx.Where("project_id = ?", projectID))
	if err != nil {
		return nil, err
	}
	rows, err := all[SurveyAnswer](tx.Where("project_id = ?", projectID))
	if err != nil {
		return nil, err
	}
	by := map[int64]SurveyAnswer{}
	for _, l := range links {
		if i := slices.IndexFunc(rows, func(r SurveyAnswer) bool { return r.Key == l.Key }); i >= 0 {
			by[l.UserID] = rows[i]
		}
	}
	return by, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
