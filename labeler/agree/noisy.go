package agree

import "math"

// Choice is one labeler's comparison of two texts in the order they were shown.
type Choice struct {
	Labeler       string
	First, Second string
	Score         float64 // 1: the first shown is better, 0.5: tie, 0: the second
}

// Noisy is what the noisy Bradley–Terry model says of one labeler.
type Noisy struct {
	Labeler string
	Choices int
	Care    float64 // share of choices that follow the common order of the texts
	ToFirst float64 // of the other choices, the share for the first shown: near ½ it is another taste, not carelessness
}

// NoisyFit is a fitted noisy Bradley–Terry model.
type NoisyFit struct {
	Labelers []Noisy            // in order of appearance
	Strength map[string]float64 // log-strength of every text
	Sweeps   int
}

// How strongly the model is held where data are thin: each text has so many won and lost games
// against an average one, each labeler two choices by text and two by position, one for each side.
const (
	priorGames  = .5
	priorCare   = 2
	priorAway   = 2
	noisySweeps = 300
)

// NoisyBradleyTerry fits P(first) = c·σ(θ_first − θ_second) + (1−c)·b for every labeler's care c
// and leaning b (the model of Bugakova et al. 2019, "Aggregation of pairwise comparisons with
// reduction of biases", as in crowd-kit's NoisyBradleyTerry, whose gradient however sets the bias
// of the wrong worker in release 1.4.2).
// It is a mixture, so it is fitted by EM: the chance that a choice was made by the texts, then
// shares for c and b and one minorisation step (Hunter 2004) for θ. A tie is half a choice each way.
func NoisyBradleyTerry(choices []Choice) NoisyFit {
	m := newNoisy(choices)
	for m.sweeps < noisySweeps && m.sweep() > 1e-5 {
		m.sweeps++
	}
	fit := NoisyFit{Strength: map[string]float64{}, Sweeps: m.sweeps}
	for i, name := range m.texts {
		fit.Strength[name] = math.Log(m.pi[i])
	}
	for l, name := range m.labelers {
		fit.Labelers = append(fit.Labelers, Noisy{name, m.choices[l], m.care[l], m.toFirst[l]})
	}
	return fit
}

type noisy struct {
	texts, labelers []string
	games           []game
	pi              []float64 // exp θ, by text
	care, toFirst   []float64 // by labeler
	choices         []int
	sweeps          int
}

// game is one won comparison; weight ½ for each half of a tie.
type game struct {
	labeler, won, lost int
	wonFirst           bool
	weight             float64
}

func newNoisy(choices []Choice) *noisy {
	m := &noisy{}
	texts, labelers := index{}, index{}
	for _, c := range choices {
		l := labelers.of(c.Labeler, &m.labelers)
		if l == len(m.choices) {
			m.choices = append(m.choices, 0)
			m.care, m.toFirst = append(m.care, .8), append(m.toFirst, .5)
		}
		m.choices[l]++
		a, b := texts.of(c.First, &m.texts), texts.of(c.Second, &m.texts)
		if c.Score > 0 {
			m.games = append(m.games, game{l, a, b, true, c.Score})
		}
		if c.Score < 1 {
			m.games = append(m.games, game{l, b, a, false, 1 - c.Score})
		}
	}
	m.pi = make([]float64, len(m.texts))
	for i := range m.pi {
		m.pi[i] = 1
	}
	return m
}

// sweep is one step of EM; it returns the largest change of a probability or log-strength.
func (m *noisy) sweep() float64 {
	wins, faced := make([]float64, len(m.pi)), make([]float64, len(m.pi))
	for i, p := range m.pi {
		wins[i], faced[i] = priorGames, 2*priorGames/(p+1)
	}
	n := len(m.labelers)
	byText, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
	for _, g := range m.games {
		sum := m.pi[g.won] + m.pi[g.lost]
		side := m.toFirst[g.labeler]
		if !g.wonFirst {
			side = 1 - side
		}
		text, position := m.care[g.labeler]*m.pi[g.won]/sum, (1-m.care[g.labeler])*side
		r := g.weight * text / (text + position) // E: chosen by the texts
		wins[g.won] += r
		faced[g.won] += r / sum
		faced[g.lost] += r / sum
		byText[g.labeler] += r
		if g.wonFirst {
			first[g.labeler] += g.weight - r
		} else {
			second[g.labeler] += g.weight - r
		}
	}
	change := 0.0
	set := func(at *float64, to float64) {
		change = max(change, math.Abs(to-*at))
		*at = to
	}
	for i := range m.pi {
		to := wins[i] / faced[i]
		change = max(change, math.Abs(math.Log(to/m.pi[i])))
		m.pi[i] = to
	}
	for l := range m.labelers {
		away := first[l] + second[l]
		set(&m.care[l], (byText[l]+priorCare)/(byText[l]+away+priorCare+priorAway))
		set(&m.toFirst[l], (first[l]+priorAway/2.)/(away+priorAway))
	}
	return change
}
