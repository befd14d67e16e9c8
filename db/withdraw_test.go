package db_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"agora/db"
)

// hash invents the hash of an artefact.
func hash(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }

// names lists artefacts by name.
func names(as []db.Artefact) []string {
	var out []string
	for _, a := range as {
		out = append(out, a.Name)
	}
	return out
}

func TestWithdrawReachesWhatWasMade(t *testing.T) {
	l := newLab(t, overlap(2), 2, 3)
	ctx := t.Context()
	for u := range 2 {
		task := l.next(u)
		must(l.Submit(ctx, l.users[u].ID, task.Lease.ID, inOrder(task)))(t)
	}
	open := l.next(0)
	must(l.SaveDraft(ctx, l.users[0].ID, open.Lease.ID, inOrder(open)))(t)
	ana, bea := l.worker(0), l.worker(1)
	make := func(name, kind string, workers map[string]int64, parents ...string) {
		a := db.NewArtefact{Artefact: db.Artefact{SHA256: "sha256:" + hash(name), Kind: kind, ProjectID: l.project.ID, Name: name}, Workers: workers}
		for _, p := range parents {
			a.Parents = append(a.Parents, db.ArtefactParent{SHA256: hash(p), Role: "data"})
		}
		must(l.RegisterArtefact(ctx, a))(t)
	}
	make("both.jsonl", db.ArtefactExport, map[string]int64{ana: 1, bea: 1})
	make("only-bea.jsonl", db.ArtefactExport, map[string]int64{bea: 1})
	make("ppo", "ppo", nil, "reward", "sft") // registered before its parent: order does not matter
	make("reward", "reward", nil, "both.jsonl")
	make("sft", "sft", nil, "elsewhere.jsonl")
	make("kwise", "reward", nil, "only-bea.jsonl", "ppo2")
	make("qoo", "ppo", nil, "kwise")

	out := must(l.Withdraw(ctx, db.Withdraw{ProjectID: l.project.ID, Worker: ana, By: l.users[0].ID, Reopen: true}))(t)
	if got := names(out.Artefacts); !slices.Equal(got, []string{"both.jsonl", "ppo", "reward"}) {
		t.Errorf("artefacts %v", got)
	}
	if out.Answers != 1 || out.Places != 2 || out.Drafts != 2 {
		t.Errorf("withdrew %+v", out)
	}
	for _, r := range l.answers() {
		if r.Answer.Worker == ana {
			t.Error("a withdrawn answer is exported")
		}
	}
	if n := len(l.answers()); n != 1 {
		t.Errorf("%d answers left, want bea's", n)
	}
	if _, err := l.Next(ctx, l.project.ID, l.users[0].ID); err == nil {
		t.Error("somebody who withdrew gets a task")
	}
	if task := l.next(2); task.ItemID != open.ItemID && task.ItemID == 0 {
		t.Error("the places did not come back")
	}
	again := must(l.Withdraw(ctx, db.Withdraw{ProjectID: l.project.ID, Worker: ana}))(t)
	if again.Answers != 0 || again.Record.Answers != 1 || len(again.Artefacts) != 3 {
		t.Errorf("withdrawing again did %+v", again)
	}
	left := must(l.LeftOut(ctx, l.project.ID))(t)
	if left.WithdrawnPeople != 1 || left.WithdrawnAnswers != 1 {
		t.Errorf("left out %+v", left)
	}
	if got := names(must(l.WithdrawnArtefacts(ctx))(t)); len(got) != 3 {
		t.Errorf("all affected: %v", got)
	}
	_, err := l.Withdraw(ctx, db.Withdraw{ProjectID: l.project.ID, Worker: "nobody"})
	wantErr(t, err, db.ErrNotFound)
}

// TestWithdrawnStaysOutOfImports imports a file of somebody who withdrew again, in other bytes.
func TestWithdrawnStaysOutOfImports(t *testing.T) {
	l := newLab(t, overlap(1), 0, 0)
	ctx := t.Context()
	one, two := 1, 2
	bring := func(sha string, workers ...string) {
		i := 0
		imp := db.Import{ProjectID: l.project.ID, File: sha, Format: "ranked", SHA256: sha}
		_, err := l.ImportBatch(ctx, imp, func() (db.NewItem, bool, error) {
			if i == len(workers) {
				return db.NewItem{}, false, nil
			}
			it := testItems(1)[0]
			it.Completions = it.Completions[:2]
			it.Answer = &db.NewAnswer{Worker: workers[i], Ranks: []*int{&one, &two}}
			i++
			return it, true, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	bring("first", "w1", "w2")
	must(l.Withdraw(ctx, db.Withdraw{ProjectID: l.project.ID, Worker: "w1"}))(t)
	bring("second", "w1", "w2")
	var workers []string
	for _, r := range l.answers() {
		workers = append(workers, r.Answer.Worker)
	}
	if !slices.Equal(workers, []string{"w2", "w2"}) {
		t.Errorf("answers of %v are in use", workers)
	}
}

// worker is a labeler's pseudonym.
func (l *lab) worker(u int) string {
	l.t.Helper()
	return must(l.Join(l.t.Context(), l.project.ID, l.users[u].ID))(l.t).Worker
}
