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

// CoordcheckCmd is `agora policy coordcheck`.
type CoordcheckCmd struct {
	common
	textFlags
	Config string   `name:"config" type:"existingfile" placeholder:"FILE" help:"Settings as TOML; agora config schema coordcheck lists them."`
	Set    []string `name:"set" sep:"none" placeholder:"KEY=VALUE" help:"One setting; may be repeated."`
}

// Help is shown by --help.
func (*CoordcheckCmd) Help() string {
	return `Takes a few training steps at widths from 64 to 1024 and compares the mean size of the activations of
every layer: under muP it does not depend on the width, in the standard parametrisation it grows. This is
how one checks that muP is implemented right for an architecture. About a minute; writes report.md,
coordcheck.json and charts, and fails if muP's activations are not flat.

  agora policy coordcheck --out coordcheck
  agora policy coordcheck --out coordcheck --set family=gpt2 --set steps=8`
}

// Run checks and reports.
func (c *CoordcheckCmd) Run(ctx context.Context) error {
	cfg := DefaultCoord()
	if err := policy.LoadConfig(&cfg, c.Config, c.Set); err != nil {
		return err
	}
	dev, err := cpu.Open(c.Workers)
	if err != nil {
		return err
	}
	text, err := c.read(cfg.Vocab)
	if err != nil {
		return err
	}
	curves, err := cfg.coordCheck(ctx, dev, text, policy.NewConsole(os.Stderr, "coordcheck").Progress)
	if err != nil {
		return err
	}
	r := newCoordReport(cfg, curves, text, dev.Kernels())
	if err := r.write(c.Out); err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		_, err = fmt.Printf("%s\n%s\n", r.verdict(), filepath.Join(c.Out, "report.md"))
	}
	if err == nil && !r.Flat {
		err = fmt.Errorf("under muP the activations are not flat (see %s)", filepath.Join(c.Out, "report.md"))
	}
	return err
}
