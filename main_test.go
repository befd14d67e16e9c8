package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// ours is the import table of the design: each room, and the rooms of ours it may reach,
// directly or through others. Rooms that do not exist yet are listed too, so that they are
// born with their rule. main may import everything and is not listed.
var ours = map[string][]string{
	"db":              {},
	"db/dbtest":       {"db", "db/dbtest/place"},
	"db/dbtest/place": {},
	"views":           {},
	"reward/prefs":    {},
	"labeler":         {"views", "db", "reward/prefs", "labeler/agree", "labeler/raking", "ppo/guard"},
	"labeler/agree":   {},
	"labeler/raking":  {"db", "labeler/agree", "reward/prefs"},
	"policy/graph":    {},
	"policy/cpu":      {"policy/graph"},
	"policy/xla":      {"policy/graph"},
	"policy/base":     {},
	"policy/hub":      {"policy/checkpoint", "policy/tokenizer"},
	"policy":          {"policy/...", "reward/prefs", "labeler/agree"},
	"policy/scale":    {"policy", "policy/...", "reward/prefs", "labeler/agree"},
	"reward":          {"policy", "policy/...", "reward/prefs", "labeler/agree"},
	"ppo/guard":       {},
	"ppo":             {"ppo/guard", "reward", "policy", "policy/...", "reward/prefs", "labeler/agree"},
	"ppo/dpo":         {"ppo/guard", "ppo", "reward", "policy", "policy/...", "reward/prefs", "labeler/agree"},
	"ppo/measure":     {"reward", "policy", "policy/...", "reward/prefs", "labeler/agree"},
	"ppo/oneliners":   {"ppo/measure", "reward", "policy", "policy/...", "reward/prefs", "labeler/agree"},
	"ppo/experiment":  {"ppo/guard", "ppo", "ppo/dpo", "ppo/measure", "ppo/oneliners", "reward", "policy", "policy/...", "reward/prefs", "labeler/agree"},
	"ppo/pipeline":    {"ppo/guard", "db", "labeler/raking", "ppo", "ppo/dpo", "ppo/measure", "ppo/oneliners", "reward", "policy", "policy/...", "reward/prefs", "labeler/agree"},
	"policy/cpu/...":  {"policy/cpu", "policy/graph", "policy/cpu/..."},
	"policy/base/...": {"policy/base", "policy", "policy/...", "reward/prefs"},
	"policy/...":      {"policy/graph"},
}

// banned names outside modules and standard packages that a room must never reach.
var banned = []struct {
	room string // as in ours, without its sub-rooms
	pkgs []string
}{
	{"policy", trainingNeverSees}, {"policy/graph", trainingNeverSees}, {"policy/cpu", trainingNeverSees},
	{"reward", trainingNeverSees}, {"reward/prefs", trainingNeverSees}, {"ppo", trainingNeverSees},
	{"ppo/pipeline", []string{"github.com/gin-gonic/gin", "github.com/a-h/templ"}},
	{"views", []string{"gorm.io/gorm", "github.com/gin-gonic/gin"}},
	{"db", []string{"github.com/gin-gonic/gin", "github.com/a-h/templ"}},
}

var trainingNeverSees = []string{"net/http", "github.com/gin-gonic/gin", "gorm.io/gorm", "github.com/a-h/templ"}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, patterns ...string) []listed {
	t.Helper()
	args := append([]string{"list", "-e", "-json=ImportPath,Imports,Deps"}, patterns...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// ruleFor finds the row of a room: its own, or that of the nearest "parent/..." pattern.
func ruleFor(room string) ([]string, bool) {
	if allowed, ok := ours[room]; ok {
		return allowed, true
	}
	for dir := room; strings.Contains(dir, "/"); {
		dir = dir[:strings.LastIndex(dir, "/")]
		if allowed, ok := ours[dir+"/..."]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func allows(allowed []string, dep string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		if parent, ok := strings.CutSuffix(a, "/..."); ok {
			return strings.HasPrefix(dep, parent+"/")
		}
		return a == dep
	})
}

// violations returns one line for each import that the table forbids.
func violations(packages []listed) []string {
	var bad []string
	for _, p := range packages {
		room, ok := strings.CutPrefix(p.ImportPath, "agora/")
		if !ok {
			continue // main
		}
		allowed, known := ruleFor(room)
		if !known {
			bad = append(bad, room+" has no row in the import table")
			continue
		}
		for _, d := range p.Deps {
			if dep, isOurs := strings.CutPrefix(d, "agora/"); isOurs && !allows(allowed, dep) {
				bad = append(bad, room+" must not reach "+dep)
			}
		}
		if room != "db" && room != "db/dbtest" && slices.ContainsFunc(p.Imports, isGorm) {
			bad = append(bad, room+" must not import gorm: db is its only user")
		}
		for _, b := range banned {
			for _, pkg := range b.pkgs {
				if b.room == room && slices.Contains(p.Deps, pkg) {
					bad = append(bad, room+" must not reach "+pkg)
				}
			}
		}
	}
	return bad
}

func isGorm(pkg string) bool { return strings.HasPrefix(pkg, "gorm.io/") }

func TestImportsGoOneWay(t *testing.T) {
	for _, v := range violations(list(t, "./...")) {
		t.Error(v)
	}
}

// TestImportRulesCanFail is the control: forbidden imports are seen, unknown rooms too.
func TestImportRulesCanFail(t *testing.T) {
	for name, p := range map[string]listed{
		"views reaches db":        {ImportPath: "agora/views", Deps: []string{"agora/db"}},
		"trainer reaches the web": {ImportPath: "agora/ppo", Deps: []string{"net/http"}},
		"site reaches the model":  {ImportPath: "agora/labeler", Deps: []string{"agora/policy"}},
		"a room without a row":    {ImportPath: "agora/util"},
		"the site queries itself": {ImportPath: "agora/labeler", Imports: []string{"gorm.io/gorm"}},
	} {
		if len(violations([]listed{p})) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
}

// What the README says of flags: every command has --json (one speaks JSON only), and these take settings.
func TestFlagsAreAsTheReadmeSays(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("agora"), kong.ExplicitGroups(groups), kong.BindTo(t.Context(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	var settings []string
	for _, leaf := range parser.Model.Leaves(false) {
		flags := map[string]bool{}
		for _, group := range leaf.AllFlags(false) {
			for _, f := range group {
				flags[f.Name] = true
			}
		}
		name := strings.TrimPrefix(leaf.FullPath(), "agora ")
		if !flags["json"] && name != "experiment check" {
			t.Errorf("%s lacks --json", name)
		}
		if flags["set"] && flags["config"] {
			settings = append(settings, name)
		} else if flags["set"] != flags["config"] && name != "config schema" {
			t.Errorf("%s has one of --set and --config", name)
		}
	}
	slices.Sort(settings)
	if want := []string{"dpo train", "grpo train", "policy coordcheck", "policy isoflop", "policy pretrain", "policy sft", "policy transfer",
		"ppo train", "reward train", "rloo train"}; !slices.Equal(settings, want) {
		t.Errorf("--set and --config: %q, the README says %q", settings, want)
	}
}

func TestRoomsStandWhereTheDesignSays(t *testing.T) {
	top := map[string]bool{"labeler": true, "reward": true, "ppo": true, "policy": true, "views": true, "db": true}
	for _, p := range list(t, "./...") {
		room, ok := strings.CutPrefix(p.ImportPath, "agora/")
		if first, _, _ := strings.Cut(room, "/"); ok && !top[first] {
			t.Errorf("%s: a new top-level room", room)
		}
	}
}
