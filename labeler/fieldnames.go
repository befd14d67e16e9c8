package labeler

import (
	"context"

	"agora/db"
	"agora/views"
)

// axisName is what readers call a scale: the lead's name, or the catalogue's, or the key itself.
func axisName(ctx context.Context, names db.FieldNames, key string) string {
	if own := names.Axes[key]; own != "" {
		return own
	}
	return views.AxisName(ctx, key)
}

// flagName is the same of a flag of completions or, with prompt, of prompts.
func flagName(ctx context.Context, names db.FieldNames, key string, prompt bool) string {
	own := names.Flags[key]
	if prompt {
		own = names.PromptFlags[key]
	}
	if own != "" {
		return own
	}
	return views.FlagName(ctx, key)
}

// flagNames lists several flags by name.
func flagNames(ctx context.Context, names db.FieldNames, keys []string, prompt bool) string {
	said := make([]string, len(keys))
	for i, key := range keys {
		said[i] = flagName(ctx, names, key, prompt)
	}
	return views.List(ctx, said)
}
