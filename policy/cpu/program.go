package cpu

import "agora/policy/graph"

// Program is a compiled graph. It implements graph.Program.
type Program struct{ *graph.Reference }

type kvCache struct{}
type packedParam struct{}

// Compile prepares g. Only outputs (and parameter gradients) can be read after a run.
func (d *Device) Compile(g *graph.Graph, outputs ...*graph.Value) (*Program, error) {
	r, err := graph.NewReference(g)
	if err != nil {
		return nil, err
	}
	for _, p := range g.Params.List() {
		_ = p
	}
	return &Program{r}, nil
}
