// Package scale studies how models behave when they grow: whether activations and the best learning
// rate stay where they are under muP (coordcheck, transfer), and how compute is best divided between
// size and data (plan, isoflop, and a fit of Chinchilla's law to one's own runs).
//
// The experiments are grids of short pretraining runs, policy.Trial, whose results are small files:
// cells. A grid can be stopped at any time and goes on with the cells that are missing.
package scale

// Commands are those of `agora policy` that this package has.
type Commands struct {
	Plan       PlanCmd       `cmd:"" help:"What size and how many tokens a compute budget buys."`
	Coordcheck CoordcheckCmd `cmd:"" help:"Do activations keep their size when the width grows? Standard parametrisation and muP."`
	Transfer   TransferCmd   `cmd:"" help:"Does the best learning rate stay when the width grows? Standard parametrisation and muP."`
	IsoFLOP    IsoFLOPCmd    `cmd:"" name:"isoflop" help:"How should compute be divided between size and data? Equal budgets, many sizes."`
}

// common are the flags of every command.
type common struct {
	JSON    bool `name:"json" help:"Print machine-readable JSON on standard output."`
	Workers int  `name:"workers" default:"0" help:"Worker threads; 0 means one per core. Results do not depend on it."`
}
