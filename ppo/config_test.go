package ppo

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"agora/policy"
)

func TestProfilesAreValid(t *testing.T) {
	for _, name := range Profiles {
		c, err := Profile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Profile("gpt5"); err == nil || !strings.Contains(err.Error(), `"gpt5"`) {
		t.Errorf("unknown profile: %v", err)
	}
}

// What the commands start from: the profile, and --set on top.
func TestCommandSettings(t *testing.T) {
	for profile, want := range map[string]Estimator{"": GAE, "default": GAE, "tldr": GAE, "rloo": RLOO, "grpo": GRPO} {
		flags := trainFlags{Set: []string{"iterations=7", "kl_coef=0.25"}}
		c, err := flags.settings(profile)
		if err != nil || c.Estimator != want || c.Iterations != 7 || c.KLCoef != .25 {
			t.Errorf("profile %q: %v %s %d %g", profile, err, c.Estimator, c.Iterations, c.KLCoef)
		}
	}
	plain, err := (&trainFlags{}).settings("")
	if err != nil || !reflect.DeepEqual(plain, DefaultConfig()) {
		t.Errorf("without a profile: %v %+v", err, plain)
	}
	preset, err := (&trainFlags{Set: []string{"preset=rloo"}}).settings("") // as a worker would
	if err != nil || preset.Estimator != RLOO || preset.SamplesPerPrompt != 4 {
		t.Errorf("preset=rloo: %v %+v", err, preset)
	}
}

// Forms and --set read every default back as it is shown.
func TestDefaultsAreReadBack(t *testing.T) {
	for _, name := range Profiles {
		c, _ := Profile(name)
		for _, f := range policy.Schema(c) {
			shown, err := json.Marshal(f.Default)
			if err != nil || string(shown) == "null" {
				t.Fatalf("%s: %s shows as %s: %v", name, f.Name, shown, err)
			}
			if err := policy.LoadConfig(&c, "", []string{f.Name + "=" + string(shown)}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	c := DefaultConfig()
	if err := policy.LoadConfig(&c, "", []string{"reward_weights=[1, 0.5]"}); err != nil || len(c.RewardWeights) != 2 {
		t.Errorf("%v, %v", c.RewardWeights, err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	tests := []struct {
		want   string
		change func(*Config)
	}{
		{"ppo: episodes 127 is not a multiple of minibatches 2", func(c *Config) { c.Episodes = 127 }},
		{"ppo: iterations 0 is less than 1", func(c *Config) { c.Iterations = 0 }},
		{"ppo: episodes 100000000000 is more than", func(c *Config) { c.Episodes = 100000000000 }},
		{"ppo: lambda 1.5 is not between 0 and 1", func(c *Config) { c.Lambda = 1.5 }},
		{"ppo: temperature 0", func(c *Config) { c.Temperature = 0 }},
		{`ppo: missing_eos "never" is none of`, func(c *Config) { c.MissingEOS = "never" }},
		{`ppo: kl_estimator "k4" is none of`, func(c *Config) { c.KLEstimator = "k4" }},
		{"ppo: score_samples 1", func(c *Config) { c.ScoreSamples = 1 }},
		{"ppo: kl_horizon 0", func(c *Config) { c.KLTarget, c.KLHorizon = 6, 0 }},
		{"ppo: episodes 128 is not a multiple of samples_per_prompt 3", func(c *Config) { c.SamplesPerPrompt = 3 }},
		{"ppo: samples_per_prompt 1 leaves estimator grpo", func(c *Config) { c.Estimator = GRPO }},
		{"ppo: critic_warmup 2, but", func(c *Config) { c.Estimator, c.SamplesPerPrompt, c.CriticWarmup = RLOO, 2, 2 }},
		{"ppo: score_at after makes a difference to a critic only", func(c *Config) { c.Estimator, c.SamplesPerPrompt, c.ScoreAt = RLOO, 2, ScoreAfter }},
		{"ppo: kl_in = loss needs kl_estimator k2 or k3", func(c *Config) { c.KLIn = KLInLoss }},
		{"ppo: reward_weights [1 NaN]: weight 2 is NaN", func(c *Config) { c.RewardWeights = []float64{1, nan()} }},
		{"ppo: reward_weights [1 -1]: they sum to 0, and a mean", func(c *Config) { c.RewardWeights, c.RewardCombine = []float64{1, -1}, CombineMean }},
		{"ppo: reward_weights [0 0]: all are 0", func(c *Config) { c.RewardWeights = []float64{0, 0} }},
		{"ppo: truncate_after 3, but", func(c *Config) { c.TruncateAfter = 3 }},
		{"ppo: truncate_after 32 is not below max_new_tokens 32", func(c *Config) { c.TruncateToken, c.TruncateAfter = ".", 32 }},
		{"ppo: learning_rate NaN", func(c *Config) { c.LearningRate = nan() }},
	}
	for _, tt := range tests {
		c := DefaultConfig()
		tt.change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s…", err, tt.want)
		}
	}
}

// Settings that the estimator does not look at are said to do nothing; the profiles have none.
func TestIdleSettings(t *testing.T) {
	for _, name := range Profiles {
		if c, _ := Profile(name); c.idle() != nil {
			t.Errorf("profile %s: %q", name, c.idle())
		}
	}
	for _, tt := range []struct {
		profile string
		sets    []string
		want    []string
	}{
		{"rloo", []string{"lambda=0.9", "value_coef=0.1"}, []string{"lambda 0.9 has no effect: estimator rloo has no critic", "value_coef 0.1 has no effect: estimator rloo has no critic"}},
		{"rloo", []string{"group_scale=off"}, []string{"group_scale off has no effect: it is grpo's, and the estimator is rloo"}},
		{"grpo", []string{"group_scale=off", "critic_init=policy"}, []string{"critic_init policy has no effect: estimator grpo has no critic"}},
		{"", []string{"lambda=0.9", "value_coef=0.1"}, nil},
	} {
		c, err := (&trainFlags{Set: tt.sets}).settings(tt.profile)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.idle(); !slices.Equal(got, tt.want) {
			t.Errorf("%s %v: %q", tt.profile, tt.sets, got)
		}
	}
}

func nan() float64 { var zero float64; return zero / zero }
