package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"agora/policy"
	"agora/policy/checkpoint"
	"agora/policy/cpu"
)

// TransferCmd is `agora policy transfer`.
type TransferCmd struct {
	common
	textFlags
	Config string   `name:"config" type:"existingfile" placeholder:"FILE" help:"Settings as TOML; agora config schema transfer lists them."`
	Set    []string `name:"set" sep:"none" placeholder:"KEY=VALUE" help:"One setting; may be repeated."`
	Full   bool     `name:"full" help:"Four times the tokens, and every rate for every seed: about eight times as long."`
}

// Help is shown by --help.
func (*TransferCmd) Help() string {
	return `Trains small models of several widths at learning rates a factor of 2 apart, in muP and in the standard
parametrisation with both habits of initial weights, and reports how far the best rate moves with the width:
under muP it should stay, so that it can be found on a small model. About an hour of one core; every finished
run is kept, and the same command goes on where it was stopped. Writes report.md, transfer.json and charts.

  agora policy transfer --out transfer
  agora policy transfer --out transfer --set 'widths=[32,64,128,256,512]' --set seeds=5`
}

// Run runs the grid and reports.
func (c *TransferCmd) Run(ctx context.Context) error {
	cfg := DefaultTransfer()
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
	console := policy.NewConsole(os.Stderr, "transfer, thousandths")
	g, err := c.open(dev, cfg.Vocab, cfg.HeldOut, console)
	if err != nil {
		return err
	}
	curves, err := cfg.transfer(ctx, g)
	if err != nil {
		return g.stopped(err)
	}
	r := newTransferReport(cfg, curves, g)
	if err := r.write(c.Out); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	_, err = fmt.Printf("%s\n%s\n", r.verdict(), filepath.Join(c.Out, "report.md"))
	return err
}

// writeAll writes the files of a report.
func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := checkpoint.WriteFile(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

func indented(v any) []byte {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // plain values only
	}
	return append(data, '\n')
}
