package labeler

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"agora/db"
	"agora/reward/prefs"
)

// itemMember carries the id of an item through a record's line.
const itemMember = "agora_item"

// eachJudgement calls fn with every answer to a project's own tasks that is in force, as a record, and
// the id of its item; a project without answers has none. What an export leaves out for want of consent counts here: these figures name nobody.
func eachJudgement(ctx context.Context, store *db.Store, p db.Project, fn func(item int64, r *prefs.Ranked)) error {
	out, in := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		in.CloseWithError(writeJudgements(ctx, store, p, in))
	}()
	defer func() { <-done }()
	defer out.Close()
	for r, err := range prefs.Decode(out, "project "+p.Name, prefs.FormatRanked) {
		if errors.Is(err, errNothing) {
			return nil
		}
		if err != nil {
			return err
		}
		if ranked, ok := r.(*prefs.Ranked); ok {
			fn(itemNumber(ranked), ranked)
		}
	}
	return nil
}

// writeJudgements writes a line for each answer, marked with its item.
func writeJudgements(ctx context.Context, store *db.Store, p db.Project, w io.Writer) error {
	n := 0
	err := store.EachRecord(ctx, db.Export{ProjectID: p.ID}, func(r db.Record) error {
		n++
		line, err := lineOf(p, r)
		if err != nil {
			return err
		}
		line.Set(itemMember, json.RawMessage(strconv.FormatInt(r.Item.ID, 10)))
		b, err := line.MarshalJSON()
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	})
	if err == nil && n == 0 {
		return errNothing
	}
	return err
}

func itemNumber(r *prefs.Ranked) int64 {
	raw, _ := r.Extra.Get(itemMember)
	n, _ := strconv.ParseInt(string(raw), 10, 64) // our own number
	return n
}
