package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"agora/policy/checkpoint"
)

// AdapterInfo is what `agora model export --format peft` prints of what it wrote.
type AdapterInfo struct {
	Path    string   `json:"path"`
	Format  string   `json:"format"` // peft
	Kind    string   `json:"kind"`   // adapter
	Task    string   `json:"task"`   // by PEFT's name
	Rank    int      `json:"rank"`
	Alpha   float64  `json:"alpha"`
	Targets []string `json:"targets"`
	Params  int      `json:"params"`
	Base    string   `json:"base"` // name of the base model, "" for none
}

// describeAdapter reads what an adapter is, without its weights.
func describeAdapter(dir string) (AdapterInfo, error) {
	c, err := readAdapterConfig(dir)
	if err != nil {
		return AdapterInfo{}, err
	}
	info := AdapterInfo{Path: dir, Format: "peft", Kind: "adapter", Task: c.Task, Rank: c.Rank, Alpha: c.Alpha}
	if c.Base != nil {
		info.Base = *c.Base
	}
	switch targets := c.Targets.(type) {
	case string:
		info.Targets = []string{targets}
	case []any:
		for _, name := range targets {
			info.Targets = append(info.Targets, fmt.Sprint(name))
		}
	}
	f, err := checkpoint.OpenSafetensors(filepath.Join(dir, adapterWeightsFile))
	if err != nil {
		return info, err
	}
	defer f.Close()
	for _, name := range f.Names() {
		n := 1
		shape, _ := f.Shape(name)
		for _, d := range shape {
			n *= d
		}
		info.Params += n
	}
	return info, nil
}

func printAdapterInfo(w io.Writer, dir string, asJSON bool) error {
	info, err := describeAdapter(dir)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(info)
	}
	_, err = fmt.Fprint(w, info)
	return err
}

func (i AdapterInfo) String() string {
	base := i.Base
	if base == "" {
		base = "a base model without a name (--base gives one)"
	}
	return fmt.Sprintf("%s\n  adapter for %s, %s\n  rank %d, alpha %g, %s parameters, changes %s\n",
		i.Path, base, i.Task, i.Rank, i.Alpha, humanCount(i.Params), strings.Join(i.Targets, ", "))
}
