package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"agora/db"
)

// RunRegisterCmd is `agora run register`.
type RunRegisterCmd struct {
	Database
	Project string   `required:"" placeholder:"NAME" help:"Project whose answers it was trained on."`
	Models  []string `arg:"" name:"dir" help:"Model or run directories with an agora.json."`
	JSON    bool     `name:"json" help:"One JSON object a line."`
}

// Help is shown by --help.
func (*RunRegisterCmd) Help() string {
	return `Runs of a database's own worker are registered by themselves. A model that was
trained on the command line, or on another machine, is known by its hash and by the
hashes of its parents and data in agora.json once it is registered here.

Example: agora run register --db study.db --project jokes runs/reward`
}

// registeredJSON is a registered model on the command line.
type registeredJSON struct {
	Dir             string `json:"dir"`
	Kind            string `json:"kind"`
	SHA256          string `json:"sha256"`
	HoldsWithdrawn  bool   `json:"holds_withdrawn"` // answers of people who withdrew
	registeredState string
}

// Run registers the directories one after another.
func (c *RunRegisterCmd) Run(ctx context.Context) error {
	return withStore(ctx, c.path(), func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, c.Project)
		if err != nil {
			return err
		}
		for _, dir := range c.Models {
			line, err := registerModel(ctx, store, p, dir)
			if err != nil {
				return err
			}
			if c.JSON {
				err = json.NewEncoder(os.Stdout).Encode(line)
			} else {
				_, err = fmt.Printf("%s: %s %s, %s\n", dir, line.Kind, line.SHA256, line.registeredState)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func registerModel(ctx context.Context, store *db.Store, p db.Project, dir string) (registeredJSON, error) {
	made, err := madeFrom(dir)
	if err == nil && len(made.Parents) == 0 {
		err = fmt.Errorf("%s: no agora.json with parents or data: what it was made from is not known", dir)
	}
	if err != nil {
		return registeredJSON{}, err
	}
	made.ProjectID, made.Name = p.ID, filepath.Base(filepath.Clean(dir))
	a, err := store.RegisterArtefact(ctx, made)
	if err != nil {
		return registeredJSON{}, err
	}
	line := registeredJSON{Dir: dir, Kind: a.Kind, SHA256: a.SHA256, registeredState: "registered"}
	affected, err := store.WithdrawnArtefacts(ctx)
	for _, w := range affected {
		if w.ID == a.ID {
			line.HoldsWithdrawn, line.registeredState = true, "registered; it holds answers of people who withdrew: delete it or train it again"
		}
	}
	return line, err
}
