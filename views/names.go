package views

import "context"

// Names of what statistics are about, in the reader's language where the catalogue has them. A key that a
// lead made up stands for itself.

// FlagName is a flag of a form.
func FlagName(ctx context.Context, key string) string { return known(ctx, key, "flag."+key) }

// AxisName is a scale of a form.
func AxisName(ctx context.Context, key string) string { return known(ctx, key, "axis."+key) }

// GroupLabel is a characteristic of people, such as a question of the survey.
func GroupLabel(ctx context.Context, name string) string { return known(ctx, name, "group."+name) }

// GroupValue is one of its values.
func GroupValue(ctx context.Context, name, value string) string {
	return known(ctx, value, "survey."+name+"."+value, "group.value."+value)
}

// known is the first of the keys that the catalogue has, or else the word itself.
func known(ctx context.Context, word string, keys ...string) string {
	for _, key := range keys {
		if text := T(ctx, key); text != key {
			return text
		}
	}
	return word
}
