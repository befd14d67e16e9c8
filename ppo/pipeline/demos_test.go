package pipeline

import (
	"testing"

	"agora/db"
	"agora/db/dbtest"
	"agora/reward/prefs"
)

// TestWrittenDemonstrationsTrain: what labelers wrote on the site is the data of a fine-tuning on their
// project, until they take it back.
func TestWrittenDemonstrationsTrain(t *testing.T) {
	ctx, st := t.Context(), dbtest.Open(t)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := db.DefaultProject("answers")
	p.Kind = db.KindDemo
	p, err := st.CreateProject(ctx, p)
	check(err)
	_, err = st.AddItems(ctx, p.ID, 0, "p", []db.NewItem{{Kind: db.ItemPrompt, PromptID: "p1", Prompt: []db.Message{{Role: "user", Content: "Sky?"}}}})
	check(err)
	u, err := st.CreateUser(ctx, "lena", db.RoleLabeler, "")
	check(err)
	task, err := st.Next(ctx, p.ID, u.ID)
	check(err)
	answer, err := st.Submit(ctx, u.ID, task.Lease.ID, db.Ranking{Written: db.Written{Text: "Blue."}})
	check(err)
	w := &Worker{Store: st.Store}
	demos := func() (list []*prefs.Demo) {
		for r, err := range w.demos(ctx, p.ID) {
			check(err)
			list = append(list, r.(*prefs.Demo))
		}
		return list
	}
	if got := demos(); len(got) != 1 || got[0].Completion != "Blue." || got[0].Worker != answer.Worker || got[0].PromptID != "p1" {
		t.Errorf("demonstrations %+v", got)
	}
	for r, err := range w.answers(ctx, p.ID) {
		t.Errorf("a text is no judgement: %+v %v", r, err)
	}
	_, err = st.Undo(ctx, p.ID, u.ID)
	check(err)
	if got := demos(); len(got) != 0 {
		t.Errorf("taken back, yet trained on: %+v", got)
	}
}
