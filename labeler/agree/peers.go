package agree

// Peer is how much one labeler agrees with the others who judged the same units.
type Peer struct {
	Labeler   string
	Units     int     // judged by this labeler and somebody else
	Agreement float64 // mean over those units of the share of others with the same value
	CI        Span    // items resampled; none with fewer than MinLabelers items
}

// Peers computes every named labeler's agreement with peers, in the order of Labelers. A value is
// compared with each other person's, not with a majority, so that a minority view that others
// share is not counted as error.
func (t *Table) Peers(resamples int, seed uint64) []Peer {
	byItem := t.peerTotals()
	peers := make([]Peer, len(t.Labelers))
	for l, name := range t.Labelers {
		var sums, counts []float64
		units, sum := 0.0, 0.0
		for item := range t.Items { // in order, so that the interval is the same every time
			if x := byItem[l][item]; x != nil {
				sums, counts = append(sums, x.sum), append(counts, x.n)
				sum, units = sum+x.sum, units+x.n
			}
		}
		peers[l] = Peer{Labeler: name, Units: int(units), Agreement: sum / units, CI: meanSpan(sums, counts, resamples, seed)}
	}
	return peers
}

// peerTotal is how often others said the same of the units of one item.
type peerTotal struct{ sum, n float64 }

// peerTotals is, by labeler and item, the shares of others with the same value, summed over units.
func (t *Table) peerTotals() []map[int]*peerTotal {
	byItem := make([]map[int]*peerTotal, len(t.Labelers))
	for l := range byItem {
		byItem[l] = map[int]*peerTotal{}
	}
	for u := range t.Units {
		cells := t.unit(u)
		for i, me := range cells {
			if me.Labeler < 0 || len(cells) < 2 {
				continue
			}
			same := 0.0
			for j, other := range cells {
				if i != j && me.Value == other.Value {
					same++
				}
			}
			x := byItem[me.Labeler][t.itemOf[u]]
			if x == nil {
				x = &peerTotal{}
				byItem[me.Labeler][t.itemOf[u]] = x
			}
			x.sum += same / float64(len(cells)-1)
			x.n++
		}
	}
	return byItem
}

// PeerScores is, by labeler, the agreement with peers on each item that somebody else judged, too, by
// the item's name: what a rolling agreement is made of.
func (t *Table) PeerScores() map[string]map[string]float64 {
	scores := make(map[string]map[string]float64, len(t.Labelers))
	for l, byItem := range t.peerTotals() {
		mine := make(map[string]float64, len(byItem))
		for item, x := range byItem {
			mine[t.Items[item]] = x.sum / x.n
		}
		scores[t.Labelers[l]] = mine
	}
	return scores
}

// meanSpan is the interval of Σ sums / Σ counts when whole clusters are resampled.
func meanSpan(sums, counts []float64, resamples int, seed uint64) Span {
	if len(sums) < MinLabelers {
		return noSpan()
	}
	draw := newDraw(len(sums), seed)
	means := make([]float64, resamples)
	for b := range means {
		sum, n := 0.0, 0.0
		for i, w := range draw.next() {
			sum += w * sums[i]
			n += w * counts[i]
		}
		means[b] = sum / n
	}
	return percentile(means)
}
