package db_test

import (
	"testing"
	"time"

	"agora/db"
)

func TestUndo(t *testing.T) {
	l := newLab(t, overlap(1), 2, 2)
	ctx, ana := t.Context(), l.users[0].ID
	_, err := l.Undo(ctx, l.project.ID, ana)
	wantErr(t, err, db.ErrNotFound)

	task := l.next(0)
	must(l.Submit(ctx, ana, task.Lease.ID, inOrder(task)))(t)
	l.Clock.Advance(time.Second)
	l.next(0) // the page goes on to the next task before the labeler sees the slip
	undone := must(l.Undo(ctx, l.project.ID, ana))(t)
	if undone.ItemID != task.ItemID || undone.Draft == nil || len(undone.Draft.Ranks) != 3 {
		t.Fatalf("undo returned %+v", undone)
	}
	if n := len(l.answers()); n != 0 {
		t.Errorf("%d answers count after undo", n)
	}
	if back := l.next(0); back.ItemID != task.ItemID {
		t.Error("the undone task is not the next one")
	}
	must(l.Submit(ctx, ana, undone.Lease.ID, inOrder(undone)))(t)
	detail := must(l.ItemDetail(ctx, l.project.ID, task.ItemID))(t)
	if len(detail.Answers) != 2 || detail.Answers[0].State != db.AnswerUndone || detail.Answers[1].State != db.AnswerActive {
		t.Errorf("answers %+v", detail.Answers)
	}
	l.Clock.Advance(61 * time.Minute)
	_, err = l.Undo(ctx, l.project.ID, ana)
	wantErr(t, err, db.ErrTooLate)
}

func TestUndoSkip(t *testing.T) {
	l := newLab(t, overlap(1), 1, 2)
	ctx, ana := t.Context(), l.users[0].ID
	task := l.next(0)
	if err := l.Skip(ctx, ana, task.Lease.ID, "unclear", ""); err != nil {
		t.Fatal(err)
	}
	if back := must(l.Undo(ctx, l.project.ID, ana))(t); back.ItemID != task.ItemID {
		t.Error("another task came back")
	}
	if err := l.Skip(ctx, ana, task.Lease.ID, "unclear", ""); err != nil {
		t.Fatal(err)
	}
	l.next(1)
	_, err := l.Undo(ctx, l.project.ID, ana)
	wantErr(t, err, db.ErrLeaseLost)
}

func TestEdit(t *testing.T) {
	l := newLab(t, overlap(1), 1, 1)
	ctx, ana := t.Context(), l.users[0].ID
	task := l.next(0)
	must(l.Submit(ctx, ana, task.Lease.ID, inOrder(task)))(t)
	l.Clock.Advance(59 * time.Minute)
	open := must(l.Task(ctx, ana, task.Lease.ID))(t)
	if !open.Answered || open.Draft == nil {
		t.Fatalf("edit shows %+v", open)
	}
	r := inOrder(task)
	r.Note = "second thoughts"
	must(l.Submit(ctx, ana, task.Lease.ID, r))(t)
	if got := l.answers(); len(got) != 1 || got[0].Answer.Note != "second thoughts" || got[0].Answer.DurationMS != 0 {
		t.Errorf("%d answers, %+v", len(got), got[0].Answer)
	}
	l.Clock.Advance(2 * time.Minute) // an hour after the first submission
	_, err := l.Submit(ctx, ana, task.Lease.ID, inOrder(task))
	wantErr(t, err, db.ErrTooLate)
	if got := l.answers(); got[0].Answer.Note != "second thoughts" {
		t.Error("a late edit went through")
	}
}
