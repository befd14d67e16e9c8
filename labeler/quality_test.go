package labeler

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"agora/db"
	"agora/reward/prefs"
	"agora/views"
)

// ranked is an answer to an item with texts c1, c2, …; the texts were shown in the order of their ids.
func ranked(item, worker string, ranks ...int) *prefs.Ranked {
	r := &prefs.Ranked{PromptID: item, Worker: worker}
	for i, rank := range ranks {
		id := fmt.Sprintf("c%d", i+1)
		r.Completions = append(r.Completions, prefs.Completion{ID: id, Text: id, Policy: "policy-" + id})
		r.Ranks = append(r.Ranks, &rank)
		r.ShownOrder = append(r.ShownOrder, id)
	}
	return r
}

// page is the page of the collected answers.
func (o *opinions) page() (views.Quality, error) {
	q, err := o.quality(nil, nil)
	return qualityView(context.Background(), db.Project{ID: 1}, q, db.FieldNames{}), err
}

// Equal texts share the mean of their places, whichever way the ranks are numbered.
func TestPlaces(t *testing.T) {
	for name, r := range map[string]*prefs.Ranked{"1 1 3": ranked("p", "w", 1, 1, 3), "1 1 2": ranked("p", "w", 1, 1, 2)} {
		var got []float64
		for _, l := range placesOf(r) {
			got = append(got, l.Value)
		}
		if fmt.Sprint(got) != "[1.5 1.5 3]" {
			t.Errorf("%s: places %v", name, got)
		}
	}
	r := ranked("p", "w", 1, 2)
	r.Ranks[0] = nil
	if labels := placesOf(r); len(labels) != 1 || labels[0].Value != 1 {
		t.Errorf("unranked texts have no place: %+v", labels)
	}
}

// Two people, two items of two texts: they agree on one of the two, so by hand pairwise agreement is 1/2.
// With a tie against a verdict on a third item it is 1/3, and 1/2 where ties are left out.
func TestAgreementByHand(t *testing.T) {
	o := newOpinions()
	for _, r := range []*prefs.Ranked{
		ranked("a", "w1", 1, 2), ranked("a", "w2", 1, 2),
		ranked("b", "w1", 1, 2), ranked("b", "w2", 2, 1),
		ranked("c", "w1", 1, 1), ranked("c", "w2", 1, 2),
	} {
		o.add(r)
	}
	v, err := o.page()
	if err != nil {
		t.Fatal(err)
	}
	if v.Items != 3 || v.Answers != 6 || v.Labelers != 2 || !strings.HasPrefix(v.Method, "No intervals") {
		t.Errorf("%+v", v)
	}
	if all, untied := v.Measures[0], v.Measures[1]; math.Abs(all.Value-1./3) > 1e-12 || untied.Value != .5 || untied.Ties != "left out" || untied.N != "2 pairs of judgments" {
		t.Errorf("all %+v\nwithout ties %+v", all, untied)
	}
	if len(v.People) != 2 || v.People[0].Answers != 3 || len(v.People[0].Look) != 0 {
		t.Errorf("%+v", v.People)
	}
}

// Somebody who always takes the text shown first is pointed out with the reason; the others are not.
func TestSideBiasIsAReasonToLook(t *testing.T) {
	o := newOpinions()
	for i := range 40 {
		item := fmt.Sprint("item ", i)
		o.add(ranked(item, "first", 1, 2))
		o.add(ranked(item, "fair", 1+i%2, 2-i%2))
		o.add(ranked(item, "", 1, 2))
	}
	v, err := o.page()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range v.People {
		if marked := strings.Contains(strings.Join(r.Look, " "), "earlier"); marked != (r.Worker == "first") {
			t.Errorf("%+v", r)
		}
	}
	if len(v.People) != 2 || v.Unnamed != 40 {
		t.Errorf("%d rows, %d unnamed", len(v.People), v.Unnamed)
	}
}

// A group of four is counted, never shown; one of five is.
func TestSmallGroupsAreNotShown(t *testing.T) {
	o := newOpinions()
	for i := range 9 {
		for _, item := range []string{"a", "b"} {
			r := ranked(item, fmt.Sprint("w", i), 1, 2)
			value := "five"
			if i >= 5 {
				value = "four"
			}
			r.Groups = map[string]*string{"region": &value}
			o.add(r)
		}
	}
	v, err := o.page()
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Groups) != 1 || v.Groups[0].A != "five" || v.Groups[0].B != "five" || v.Groups[0].Pairs != 20 || v.SmallGroups != 1 {
		t.Errorf("%+v, %d small", v.Groups, v.SmallGroups)
	}
}

// Answers that rank nothing, such as "none acceptable", are answers without an opinion on any pair.
func TestAnswersWithoutRanks(t *testing.T) {
	o := newOpinions()
	for _, worker := range []string{"w1", "w2"} {
		r := ranked("a", worker, 1, 2)
		r.Ranks = []*int{nil, nil}
		o.add(r)
	}
	v, err := o.page()
	if err != nil || v.Answers != 2 || len(v.Measures) != 0 || len(v.People) != 2 || !math.IsNaN(v.People[0].Peers) {
		t.Errorf("%+v, %v", v, err)
	}
}
