package views

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// navigation lists the pages of a role. Researchers rank too, so they keep the labeler's pages.
func navigation(ctx context.Context, role string) []Link {
	labeling := []Link{{T(ctx, "nav.tasks"), "/tasks"}, {T(ctx, "nav.answers"), "/answers"}}
	research := []Link{{T(ctx, "nav.projects"), "/projects"}, {T(ctx, "nav.runs"), "/runs"}}
	switch role {
	case "researcher", "reviewer":
		return append(research, labeling...)
	case "admin":
		return append(append(research, labeling...), Link{T(ctx, "nav.users"), "/users"})
	default:
		return labeling
	}
}

// current marks the navigation entry that the page at path lies below.
func current(path, href string) templ.Attributes {
	if path == href || strings.HasPrefix(path, href+"/") {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func currentLanguage(ctx context.Context, l Language) templ.Attributes {
	if LanguageOf(ctx) == l {
		return templ.Attributes{"aria-current": "true"}
	}
	return nil
}

func alertRole(kind string) string {
	if kind == "bad" {
		return "alert"
	}
	return "status"
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
