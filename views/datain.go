package views

import "context"

// columnChoices are the columns of a file, and none.
func columnChoices(ctx context.Context, u Upload) []Choice {
	list := []Choice{{Label: T(ctx, "import.map.none")}}
	for _, c := range u.Columns {
		list = append(list, Choice{Value: c, Label: c})
	}
	return list
}

// chosenFormat is the format's value in the form.
func chosenFormat(u Upload) string {
	switch {
	case u.MapOn:
		return "mapping"
	case u.Format == "":
		return "auto"
	}
	return u.Format
}
