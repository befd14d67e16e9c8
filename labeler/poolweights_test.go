package labeler

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"agora/db"
	"agora/labeler/raking"
	"agora/reward/prefs"
)

func TestRakePool(t *testing.T) {
	var people []db.PoolPerson
	for i, g := range []string{"woman", "woman", "woman", "man", ""} {
		people = append(people, db.PoolPerson{Worker: string(rune('a' + i)), Groups: map[string]string{"gender": g}})
	}
	settings := db.PoolSettings{Targets: map[string]map[string]float64{"gender": {"woman": .45, "man": .45, "other": .1}}, WeightCap: 5}
	w, err := raking.Rake(people, settings)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody is "other": women and men come to half each of the four who said, the fifth keeps 1.
	for worker, want := range map[string]float64{"a": 2. / 3, "d": 2, "e": 1} {
		if math.Abs(w.Of[worker]-want) > 1e-9 {
			t.Errorf("weight of %s is %g, want %g", worker, w.Of[worker], want)
		}
	}
	if !slices.Equal(w.Missing, []string{"gender=other"}) {
		t.Errorf("missing %v", w.Missing)
	}
	// (3·⅔ + 2 + 1)² / (3·(⅔)² + 4 + 1)
	if want := 25 / (4./3 + 5); math.Abs(w.Effective-want) > 1e-9 {
		t.Errorf("effective %g, want %g", w.Effective, want)
	}
	if none, err := raking.Rake(people, db.PoolSettings{}); none != nil || err != nil {
		t.Errorf("weights without targets: %v %v", none, err)
	}
}

// TestExportsCarryWeights wants the weights of those whose consent covers it, none that would tell a small
// group, and a card that says how they were made.
func TestExportsCarryWeights(t *testing.T) {
	s := newTestSite(t)
	ctx := t.Context()
	p := s.addProject("weighed", "Weighed", db.KindRank, 4, sourdough)
	p.Overlap = 30
	p = must(s.st.UpdateProject(ctx, 0, p))
	group := map[string]string{}
	for i := range 18 { // 12 women, 5 men, 1 other
		gender := "female"
		if i%3 == 0 && i > 0 {
			gender = "male"
		} else if i%8 == 1 && i > 1 {
			gender = "nonbinary_other"
		}
		u := s.join(p, fmt.Sprint("one", i))
		s.answerOne(p, u)
		s.try(s.st.PutSurvey(ctx, p.ID, u.ID, map[string][]string{"gender": {gender}}, true))
		group[must(s.st.Join(ctx, p.ID, u.ID)).Worker] = gender
	}
	text := must(s.st.SetConsentText(ctx, 0, p.ID, "May we?", true))
	for _, m := range must(s.st.Members(ctx, p.ID)) {
		s.try(s.st.AnswerConsent(ctx, p.ID, m.UserID, text.Version, true))
	}
	pool := db.DefaultPool(p.ID)
	pool.Targets = map[string]map[string]float64{"gender": {"female": .45, "male": .45, "nonbinary_other": .1}}
	for _, on := range []bool{false, true} {
		pool.UseWeights = on
		s.try(s.st.SetPool(ctx, 0, pool))
		path := filepath.Join(t.TempDir(), "out.jsonl")
		card, err := (&dataOut{Project: p, Format: prefs.FormatRanked}).write(ctx, s.store, path, 0)
		if err != nil {
			t.Fatal(err)
		}
		if on != (card.Weights != nil) {
			t.Fatalf("weights %v, card %+v", on, card.Weights)
		}
		sums := map[string]float64{}
		for r, err := range prefs.Read(path, prefs.Auto) {
			if err != nil {
				t.Fatal(err)
			}
			if ranked := r.(*prefs.Ranked); ranked.Weight != nil {
				sums[group[ranked.Worker]] += *ranked.Weight
			}
		}
		if !on {
			if len(sums) > 0 {
				t.Errorf("weights though they are off: %v", sums)
			}
			continue
		}
		// 17 are known to be female or male, and come to half each; one other is too few to be told and keeps 1.
		if math.Abs(sums["female"]-8.5) > 1e-3 || math.Abs(sums["male"]-8.5) > 1e-3 || math.Abs(sums["nonbinary_other"]-1) > 1e-3 {
			t.Errorf("weights sum to %v", sums)
		}
		if w := card.Weights; !slices.Equal(w.Missing, []string{"gender=nonbinary_other"}) || w.Labelers != 18 || !strings.Contains(card.Markdown("x"), "design effect") {
			t.Errorf("card %+v", w)
		}
	}
}
