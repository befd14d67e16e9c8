package agree

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/libraries.py
var libraries string

// ukpLabels are crowd workers' verdicts on argument pairs: 0 the first, 1 the second, 2 equal.
func ukpLabels(t *testing.T, pairs int) []Label {
	t.Helper()
	in := bufio.NewScanner(testData(t, "ukp-convarg1/pairs.jsonl.gz"))
	in.Buffer(nil, 1<<20)
	var labels []Label
	for range pairs {
		if !in.Scan() {
			break
		}
		var row struct {
			ID        string `json:"pair_id"`
			Judgments []struct{ Worker, Value string }
		}
		if err := json.Unmarshal(in.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		for _, j := range row.Judgments {
			labels = append(labels, Label{Unit: row.ID, Labeler: j.Worker, Value: map[string]float64{"a1": 0, "a2": 1, "equal": 2}[j.Value]})
		}
	}
	return labels
}

// lewidiLabels reads an item-keyed file of the Learning-with-Disagreement tasks. Items come in
// the order of the file, so that rounding is the same every time.
func lewidiLabels(t *testing.T, name string) []Label {
	t.Helper()
	dec := json.NewDecoder(testData(t, "lewidi/"+name))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var labels []Label
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var item struct {
			Annotators  string
			Annotations json.RawMessage // {"Ann1": "0"} or "0,1,…"
		}
		if err := dec.Decode(&item); err != nil {
			t.Fatal(err)
		}
		var list string
		byName := map[string]string{}
		names := strings.Split(item.Annotators, ",")
		if json.Unmarshal(item.Annotations, &list) == nil {
			for i, v := range strings.Split(list, ",") {
				byName[names[i]] = v
			}
		} else if err := json.Unmarshal(item.Annotations, &byName); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			v, err := strconv.ParseFloat(byName[name], 64)
			if err != nil {
				t.Fatalf("item %v, %s: %v", key, name, err)
			}
			labels = append(labels, Label{Unit: fmt.Sprint(key), Labeler: name, Value: v})
		}
	}
	return labels
}

// popquornLabels are ratings of 1 to 5 by people who each saw a few dozen texts.
func popquornLabels(t *testing.T, most int) []Label {
	t.Helper()
	rows, err := csv.NewReader(testData(t, "popquorn/offensiveness.raw_data.csv.gz")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var labels []Label
	for _, row := range rows[1:] {
		v, err := strconv.ParseFloat(row[3], 64)
		if unit, e := strconv.Atoi(row[0]); err != nil || e != nil || unit > most/8 {
			continue
		}
		labels = append(labels, Label{Unit: row[0], Labeler: row[1], Value: v})
	}
	if len(labels) < 500 {
		t.Fatalf("%d labels", len(labels))
	}
	return labels
}

// randomLabels are labels of known truth with errors and gaps. Where much is missing many units have
// one label, or none.
func randomLabels(seed uint64, units, people, values int, gaps float64) []Label {
	rng := rand.New(rand.NewPCG(seed, 9))
	var labels []Label
	for u := range units {
		truth := rng.IntN(values)
		for who := range people {
			v := truth
			if rng.Float64() < .15+.5*float64(who)/float64(people) {
				v = rng.IntN(values)
			}
			if rng.Float64() >= gaps {
				labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint("w", who), Value: float64(v)})
			}
		}
	}
	return labels
}

// TestAgainstLibraries compares with krippendorff and crowd-kit, which share no code with agora.
// crowd-kit's BradleyTerry is no reference: release 1.4.2 compares an array with itself to see
// whether it has converged, and so stops after two steps.
func TestAgainstLibraries(t *testing.T) {
	python := os.Getenv("AGORA_PYTHON")
	const install = "python3 -m venv V && V/bin/pip install krippendorff crowd-kit, then AGORA_PYTHON=V/bin/python"
	if python == "" {
		t.Skip("AGORA_PYTHON is not set: " + install)
	}
	if err := exec.Command(python, "-c", "import krippendorff, crowdkit").Run(); err != nil {
		t.Skip("AGORA_PYTHON has no krippendorff and crowd-kit: " + install)
	}
	sets := map[string][]Label{
		"ukp":                       ukpLabels(t, 300),
		"csc":                       lewidiLabels(t, "CSC_dev.json.gz")[:1000],
		"md":                        lewidiLabels(t, "MD-Agreement_train.json.gz")[:1500],
		"brexit":                    lewidiLabels(t, "HS-Brexit_train.json.gz")[:1800],
		"paraphrase":                lewidiLabels(t, "Paraphrase_train.json.gz")[:1600],
		"popquorn":                  popquornLabels(t, 2000),
		"random, all values":        randomLabels(1, 40, 6, 3, 0),
		"random, half missing":      randomLabels(2, 80, 8, 5, .5),
		"random, most of one label": randomLabels(3, 150, 12, 4, .88),
	}
	for name, theirs := range askLibraries(t, python, sets) {
		t.Run(name, func(t *testing.T) { compare(t, table(t, sets[name]), theirs) })
	}
}

// theirs is what the libraries say of one set.
type theirs struct {
	Alpha      map[string]float64 // krippendorff
	DawidSkene map[string]float64 // crowd-kit: likeliest value by unit
	Diagonal   map[string]map[string]float64
	MACE       map[string]float64
	Competence map[string]float64
}

func askLibraries(t *testing.T, python string, sets map[string][]Label) map[string]theirs {
	t.Helper()
	rows := map[string][][3]any{}
	for name, labels := range sets {
		for _, l := range labels {
			rows[name] = append(rows[name], [3]any{l.Unit, l.Labeler, l.Value})
		}
	}
	in, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", libraries)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]theirs
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

func compare(t *testing.T, tab *Table, theirs theirs) {
	c := tab.Coincide()
	for name, m := range map[string]Metric{"nominal": Nominal, "ordinal": Ordinal, "interval": Interval} {
		near(t, name, c.Alpha(m), theirs.Alpha[name], 1e-9)
	}
	ds := tab.DawidSkene(5, math.Inf(-1)) // as many steps as in libraries.py
	for l, name := range tab.Labelers {
		for v, value := range tab.Values {
			if want, ok := theirs.Diagonal[name][strconv.FormatFloat(value, 'f', 1, 64)]; ok && want > 0 {
				near(t, "Dawid–Skene, "+name, ds.Errors[l][v][v], want, 1e-6)
			}
		}
	}
	same := func(what string, fit Truth, want map[string]float64, least float64) {
		best := tab.Best(fit)
		equal, clear := 0.0, 0.0
		for u, unit := range tab.Units {
			if slices.Max(fit.Posterior[u]) < .51 { // equally likely values: either is right
				continue
			}
			clear++
			if best[u] == want[unit] {
				equal++
			}
		}
		if share := equal / clear; share < least {
			t.Errorf("%s: %.4f of the values equal, want %.3f", what, share, least)
		}
	}
	same("Dawid–Skene", ds.Truth, theirs.DawidSkene, .98) // ours are one expectation step further
	if len(theirs.MACE) == 0 {                            // minutes of pandas for nothing new
		return
	}
	mace := tab.MACE(1)
	same("MACE", mace, theirs.MACE, .99) // other random starts
	var ours, other []float64
	for l, name := range tab.Labelers {
		ours, other = append(ours, mace.Competence[l]), append(other, theirs.Competence[name])
	}
	if r := correlation(ours, other); r < .98 {
		t.Errorf("MACE: competences correlate %.4f", r)
	}
}
