package labeler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// splitItemPage is one prompt with what each group made of it.
func (s *Server) splitItemPage(c *gin.Context, p db.Project) (v views.SplitItem, err error) {
	ctx := c.Request.Context()
	n, err := id(c, "item")
	if err != nil {
		return v, err
	}
	t, err := s.textsOf(ctx, p, n)
	if err != nil {
		return v, err
	}
	d, err := s.disagreementOf(ctx, p, c.Query("by"))
	if err != nil {
		return v, err
	}
	if d.Ready {
		if v, err = s.splitItemView(ctx, p, t, d.Value); err != nil {
			return v, err
		}
	}
	v.Name, v.Freshness = nameOf(t.detail.Item), freshness(c, d.Ready, d.Fresh)
	v.Made = d.Made
	return v, nil
}

// splitItemView puts an item's figures into the reader's words.
func (s *Server) splitItemView(ctx context.Context, p db.Project, t itemTexts, d disagreement) (v views.SplitItem, err error) {
	item, err := itemView(ctx, t.detail)
	if err != nil {
		return v, err
	}
	v.Turns, v.Texts, v.Lang = item.Turns, item.Texts, item.Language
	v.By, v.Item = views.GroupLabel(ctx, d.By), fmt.Sprintf("%s/items/%d", projectPath(p), t.detail.Item.ID)
	scorers, err := s.store.Scorers(ctx, p.ID)
	if err != nil {
		return v, err
	}
	for _, x := range d.Compared {
		if d.Items[x.Unit] == t.detail.Item.ID {
			pair := dividedBy(x, t.detail.Item.ID)
			name := views.T(ctx, "agree.across", idOf(pair.First), idOf(pair.Second))
			v.Pairs = append(v.Pairs, t.card(ctx, fmt.Sprintf("pair-%d", len(v.Pairs)), name, d.By, pair, scorers))
		}
	}
	v.Untested = len(v.Pairs) == 0
	t.addScores(&v, scorers)
	of, err := s.groupsHere(ctx, p, t.detail, d)
	if err != nil {
		return v, err
	}
	v.Groups, v.Hidden = t.rankings(ctx, d, of)
	return v, nil
}

// groupsHere is the group of everybody who answered an item, for the groups that are large enough in the project.
func (s *Server) groupsHere(ctx context.Context, p db.Project, detail db.ItemDetail, d disagreement) (map[string]string, error) {
	groups := groupsOfPeople{}
	for _, a := range detail.Answers {
		var extra struct{ Groups map[string]*string }
		if a.UserID == 0 && json.Unmarshal([]byte(orObject(a.Extra)), &extra) == nil && extra.Groups[d.By] != nil {
			groups.put(d.By, a.Worker, *extra.Groups[d.By])
		}
	}
	if err := groups.addMembers(ctx, s.store, p); err != nil {
		return nil, err
	}
	of := groups[d.By]
	maps.DeleteFunc(of, func(_, value string) bool { return d.People[value] == 0 })
	return of, nil
}

// rankings is each group's order of the texts; groups of too few people here are counted only.
func (t itemTexts) rankings(ctx context.Context, d disagreement, of map[string]string) (list []views.GroupRanking, hidden int) {
	answers := map[string][]map[string]float64{} // group → answers → text → place
	for _, a := range t.detail.Answers {
		group := of[a.Worker]
		if a.State != db.AnswerActive || a.Purpose != db.ForWork || group == "" {
			continue
		}
		if places := t.places(a); len(places) > 0 {
			answers[group] = append(answers[group], places)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(answers)) {
		if len(answers[group]) < smallestGroup {
			hidden++
			continue
		}
		list = append(list, t.ranking(groupValue(ctx, d.By, group), answers[group]))
	}
	return list, hidden
}

// places is where an answer puts each text that it ranks, by the text's name.
func (t itemTexts) places(a db.Answer) map[string]float64 {
	r := &prefs.Ranked{PromptID: "p", Ranks: a.Ranks}
	for _, c := range t.detail.Completions {
		r.Completions = append(r.Completions, prefs.Completion{ID: c.ExtID, Text: c.Text})
	}
	if len(r.Ranks) != len(r.Completions) {
		return nil
	}
	places := map[string]float64{}
	for _, l := range placesOf(r) {
		for _, c := range t.detail.Completions {
			if l.Unit == "p\x00"+keyOf(c) {
				places[c.ExtID] = l.Value
			}
		}
	}
	return places
}

// ranking is one group's mean places, best first.
func (t itemTexts) ranking(name string, answers []map[string]float64) views.GroupRanking {
	g := views.GroupRanking{Name: name, People: len(answers)}
	for _, c := range t.detail.Completions {
		place := views.Place{Name: c.ExtID, Policy: c.Policy}
		n, sum, first := 0.0, 0.0, 0.0
		for _, a := range answers {
			at, ok := a[c.ExtID]
			if !ok {
				continue
			}
			n++
			sum += at
			best := slices.Min(slices.Collect(maps.Values(a)))
			if at == best {
				first++
			}
		}
		place.Mean, place.First = sum/n, first/n // NaN where nobody of the group ranked it
		g.Places = append(g.Places, place)
	}
	slices.SortStableFunc(g.Places, func(a, b views.Place) int { return cmp.Compare(a.Mean, b.Mean) })
	return g
}

// addScores is the table of what models give each text.
func (t itemTexts) addScores(v *views.SplitItem, scorers []db.Scorer) {
	if len(t.scores) == 0 {
		return
	}
	for _, sc := range scorers {
		v.Scorers = append(v.Scorers, sc.Name)
	}
	for _, c := range t.detail.Completions {
		row := views.ScoreRow{Name: c.ExtID, Policy: c.Policy}
		for _, sc := range scorers {
			score, ok := t.scores[c.ID][sc.ID]
			if !ok {
				score = math.NaN()
			}
			row.Scores = append(row.Scores, score)
		}
		v.Scores = append(v.Scores, row)
	}
}
