package agree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// crowd makes labels of known truth: careful people are right with the given chance, the others
// flip a coin that lands on 1 with chance bias.
func crowd(units int, right []float64, bias float64, seed uint64) (labels []Label, truth []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for u := range units {
		truth = append(truth, float64(rng.IntN(2)))
		for who, p := range right {
			v := truth[u]
			if p == 0 { // guesses
				v = 0
				if rng.Float64() < bias {
					v = 1
				}
			} else if rng.Float64() > p {
				v = 1 - v
			}
			labels = append(labels, Label{Unit: fmt.Sprint(u), Labeler: fmt.Sprint(who), Value: v})
		}
	}
	return labels, truth
}

func TestCompetenceOfAKnownCrowd(t *testing.T) {
	right := []float64{.95, .9, .85, 0, 0}
	labels, truth := crowd(600, right, .8, 1)
	tab := table(t, labels)
	ds, mace := tab.DawidSkene(200, 1e-9), tab.MACE(1)
	for name, fit := range map[string]Truth{"Dawid–Skene": ds.Truth, "MACE": mace} {
		wrong := 0.0
		for u, v := range tab.Best(fit) {
			wrong += math.Abs(v - truth[u])
		}
		if wrong/600 > .04 {
			t.Errorf("%s: %.3f of the values wrong", name, wrong/600)
		}
	}
	for who, p := range right {
		want := p
		if p == 0 {
			want = .5 // .8 on 1, .2 on 0, half of the truths each
		}
		near(t, "Dawid–Skene", ds.Competence[who], want, .05)
		near(t, "MACE", mace.Competence[who], max(0, 2*p-1), .1) // a careful one who errs looks like a fair guesser now and then
	}
}

func TestDigamma(t *testing.T) {
	near(t, "ψ(1)", digamma(1), -.5772156649015329, 1e-12) // −γ
	near(t, "ψ(1/2)", digamma(.5), -1.9635100260214235, 1e-12)
	near(t, "ψ(10)", digamma(10), 2.251752589066721, 1e-12)
}

func TestNoisyBradleyTerryFindsThoseWhoLookAtThePlaceOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	strength := make([]float64, 30)
	for i := range strength {
		strength[i] = 2 * rng.NormFloat64()
	}
	var choices []Choice
	var placed []Placed
	for who := range 8 {
		for range 150 {
			a, b := rng.IntN(30), rng.IntN(29)
			if b >= a {
				b++
			}
			p := 1 / (1 + math.Exp(strength[b]-strength[a]))
			if who >= 6 {
				p = .9 // always the left one, nearly
			}
			score := 0.0
			if rng.Float64() < p {
				score = 1
			}
			choices = append(choices, Choice{fmt.Sprint(who), fmt.Sprint(a), fmt.Sprint(b), score})
			placed = append(placed, Placed{fmt.Sprint(who), score})
		}
	}
	fit := NoisyBradleyTerry(choices)
	for who, l := range fit.Labelers {
		if careless := who >= 6; careless != (l.Care < .5) || careless != (l.ToFirst > .75) {
			t.Errorf("%+v", l)
		}
	}
	var fitted []float64
	for i := range strength {
		fitted = append(fitted, fit.Strength[fmt.Sprint(i)])
	}
	if r := correlation(fitted, strength); r < .95 {
		t.Errorf("strengths correlate %.3f with the truth", r)
	}
	for who, s := range SideBias(placed) {
		if biased := who >= 6; biased != (s.Q < .01) {
			t.Errorf("%+v", s)
		}
	}
}

func TestSignTest(t *testing.T) {
	near(t, "8 of 10", signTest(8, 10), 112./1024, 1e-12) // 2·(1+10+45)/2¹⁰
	near(t, "5 of 10", signTest(5, 10), 1, 1e-12)
	near(t, "0 of 1", signTest(0, 1), 1, 1e-12)
}

// The fifteen p-values of Benjamini and Hochberg (1995), section 3.2: at .05 they reject the first four.
func TestBenjaminiHochberg(t *testing.T) {
	p := []float64{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1}
	q := BenjaminiHochberg(append(p, math.NaN()))
	rejected := 0
	for i := range p {
		if q[i] <= .05 {
			rejected++
		}
	}
	if rejected != 4 || !math.IsNaN(q[15]) {
		t.Errorf("%d rejected, q %v", rejected, q)
	}
	near(t, "q of the fourth", q[3], .0095*15/4, 1e-12)
	near(t, "q of the seventh", q[6], .0298*15/7, 1e-12)
	near(t, "q of the sixth is the seventh's", q[5], .0298*15/7, 1e-12)
}

func TestPeersAndSpeeds(t *testing.T) {
	labels, _ := crowd(80, []float64{.95, .95, .95, 0}, .5, 2)
	peers := table(t, labels).Peers(200, 1)
	if odd := peers[3]; odd.Agreement > .6 || odd.CI.Hi > peers[0].CI.Lo || odd.Units != 80 {
		t.Errorf("the guesser agrees like the others: %+v, %+v", odd, peers[0])
	}
	speeds := Speeds([]Timed{{"a", "1", 10}, {"a", "2", 40}, {"b", "1", 5}, {"b", "2", 20}, {"b", "3", 3}, {"c", "4", 0}})
	if len(speeds) != 2 || math.Abs(speeds[0].Against-2) > 1e-12 || math.Abs(speeds[1].Against-.5) > 1e-12 || speeds[1].Median != 5 || speeds[1].Common != 2 {
		t.Errorf("%+v", speeds)
	}
}
