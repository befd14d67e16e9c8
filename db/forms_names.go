package db

import "context"

// FieldNames are what a project's forms call their scales and flags: key → name, as the lead typed it. A
// key that takes its name from the interface's catalogue has an empty one.
type FieldNames struct{ Axes, Flags, PromptFlags map[string]string }

// FieldNames lists the fields of all versions of a project's form, each under its newest name, so that
// answers given under an older form have names as well.
func (s *Store) FieldNames(ctx context.Context, projectID int64) (FieldNames, error) {
	n := FieldNames{map[string]string{}, map[string]string{}, map[string]string{}}
	versions, err := all[FormVersion](s.read(ctx).Where("project_id = ?", projectID).Order("version"))
	for _, v := range versions {
		for _, a := range v.Body.Axes {
			n.Axes[a.Key] = a.Name
		}
		for _, f := range v.Body.Flags {
			n.Flags[f.Key] = f.Name
		}
		for _, f := range v.Body.PromptFlags {
			n.PromptFlags[f.Key] = f.Name
		}
	}
	return n, err
}
