package views

import "context"

// answerClass is the look of an answer's state.
func answerClass(state string) string {
	return map[string]string{"active": "good", "returned": "warn", "excluded": "bad", "withdrawn": "bad"}[state]
}

// shows tells whether an answer is among the shown ones.
func (c Compare) shows(id string) bool {
	for _, a := range c.Answers {
		if a.ID == id {
			return true
		}
	}
	return false
}

// factRow is a line of the comparison: one value per answer.
type factRow struct {
	Name   string
	Values []string
}

// compareFactRows are the facts that at least one of the answers has.
func compareFactRows(ctx context.Context, answers []CompareAnswer) []factRow {
	var rows []factRow
	for _, f := range []struct {
		name  string
		value func(CompareAnswer) string
	}{
		{"item.order", func(a CompareAnswer) string { return a.Outcome }},
		{"item.shown", func(a CompareAnswer) string { return a.Shown }},
		{"review.promptflags", func(a CompareAnswer) string { return a.Flags }},
		{"item.took", func(a CompareAnswer) string { return a.Took }},
		{"review.active", func(a CompareAnswer) string { return a.Active }},
		{"item.sure.head", func(a CompareAnswer) string { return a.Sure }},
		{"task.note", func(a CompareAnswer) string { return a.Note }},
		{"review.versions", func(a CompareAnswer) string { return a.Versions }},
	} {
		row, some := factRow{Name: T(ctx, f.name)}, false
		for _, a := range answers {
			v := f.value(a)
			row.Values, some = append(row.Values, v), some || v != ""
		}
		if some {
			rows = append(rows, row)
		}
	}
	return rows
}

func artefactsLabel(ctx context.Context, affected bool) string {
	if affected {
		return T(ctx, "artefacts.affected")
	}
	return T(ctx, "artefacts.others")
}
