package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"agora/policy"
	"agora/policy/cpu"
)

// IsoFLOPCmd is `agora policy isoflop`.
type IsoFLOPCmd struct {
	common
	textFlags
	Config string   `name:"config" type:"existingfile" placeholder:"FILE" help:"Settings as TOML; agora config schema isoflop lists them."`
	Set    []string `name:"set" sep:"none" placeholder:"KEY=VALUE" help:"One setting; may be repeated."`
	Full   bool     `name:"full" help:"Budgets up to eight times larger; with --data, since the text that agora carries is too short for them."`
}

// Help is shown by --help.
func (*IsoFLOPCmd) Help() string {
	return `Trains models of several sizes with equal compute, for several budgets, and finds the best size of
each (Chinchilla's second approach): how parameters and tokens should grow on your text. The third approach
is fitted to the same runs. Learning rates carry over by muP. A quarter of an hour of one core; every finished
run is kept, and the same command goes on where it was stopped. Writes report.md, isoflop.json and charts.

  agora policy isoflop --out isoflop
  agora policy plan --fit isoflop --flops 1e15`
}

// Run runs the sweep and reports.
func (c *IsoFLOPCmd) Run(ctx context.Context) error {
	cfg := DefaultIsoFLOP()
	if c.Full {
		cfg.full()
	}
	if err := policy.LoadConfig(&cfg, c.Config, c.Set); err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	g, err := c.open(dev, cfg.Vocab, cfg.HeldOut, policy.NewConsole(os.Stderr, "isoflop, thousandths"))
	if err != nil {
		return err
	}
	found, err := cfg.isoflop(ctx, g)
	if err != nil {
		return g.stopped(err)
	}
	r := isoflopReport{Config: policy.Named(&cfg).(map[string]any), Text: g.hash, TrainTokens: len(g.text.Train.Tokens), Kernels: dev.Kernels(), IsoFLOP: found}
	if err := r.write(c.Out); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	_, err = fmt.Printf("%s\n%s\n", r.verdict(), filepath.Join(c.Out, "report.md"))
	return err
}
