package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"agora/policy"
	scaling "agora/policy/scale"
)

// ConfigCmd is `agora config`.
type ConfigCmd struct {
	Schema ConfigSchemaCmd `cmd:"" help:"List the settings of a kind of training: name, type, unit, default, meaning."`
}

// ConfigSchemaCmd is `agora config schema`.
type ConfigSchemaCmd struct {
	Kind string   `arg:"" enum:"pretrain,sft,reward,ppo,rloo,grpo,dpo,score,coordcheck,transfer,isoflop" help:"pretrain, sft, reward, ppo, rloo, grpo, dpo, score, or an experiment of agora policy: coordcheck, transfer or isoflop."`
	Set  []string `sep:"none" placeholder:"KEY=VALUE" help:"Check these settings as a training would; they then stand for the defaults."`
	JSON bool     `name:"json" help:"One JSON object."`
}

// Help is shown by --help.
func (*ConfigSchemaCmd) Help() string {
	return `The settings go into the file of --config (TOML) or after --set, as key=value.

Example: agora config schema ppo --json`
}

// Run prints the schema.
func (c *ConfigSchemaCmd) Run(context.Context) error {
	defaults, err := settingsOf(c.Kind)
	if err != nil {
		return err
	}
	if err := policy.LoadConfig(defaults, "", c.Set); err != nil {
		return err
	}
	fields := policy.Schema(defaults)
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"kind": c.Kind, "fields": fields})
	}
	return writeSchema(os.Stdout, fields)
}

// settingsOf are the settings of a kind of training before anybody changed them:
// those that a worker runs, and those that only have a command.
func settingsOf(kind string) (any, error) {
	switch kind {
	case "coordcheck":
		c := scaling.DefaultCoord()
		return &c, nil
	case "transfer":
		c := scaling.DefaultTransfer()
		return &c, nil
	case "isoflop":
		c := scaling.DefaultIsoFLOP()
		return &c, nil
	}
	if c, ok := defaultConfigs()[kind]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("kind %q is none of pretrain, sft, reward, ppo, rloo, grpo, dpo, score, coordcheck, transfer, isoflop", kind)
}

func writeSchema(w io.Writer, fields []policy.Field) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tDEFAULT\tUNIT\tMEANING")
	for _, f := range fields {
		fmt.Fprintf(t, "%s\t%v\t%s\t%s\n", f.Name, f.Default, f.Unit, f.Help)
	}
	return t.Flush()
}
