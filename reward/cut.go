package reward

// cut divides the comparisons of a group that is too large for one pass over
// several; texts are then forwarded more than once, the loss stays the same.
func (g *group) cut(tokens int) []*group {
	if g.tokenCount() <= tokens || len(g.stages) > 0 { // a choice needs all of its texts; limitsFor left room
		return []*group{g}
	}
	c := &cutter{whole: g, tokens: tokens}
	for _, l := range g.pairs {
		l, part := c.place(l)
		part.pairs = append(part.pairs, l)
	}
	for _, l := range g.ties {
		l, part := c.place(l)
		part.ties = append(part.ties, l)
	}
	return c.parts
}

// cutter fills one part after another.
type cutter struct {
	whole  *group
	tokens int // that a part may have
	parts  []*group
	at     map[int32]int32 // text of the whole → text of the last part
	room   int             // tokens left in the last part
}

// place finds room for a comparison and returns it as one of the last part's.
func (c *cutter) place(l link) (link, *group) {
	if len(c.parts) == 0 || c.needs(l) > c.room {
		c.parts = append(c.parts, &group{})
		c.at, c.room = map[int32]int32{}, c.tokens
	}
	part := c.parts[len(c.parts)-1]
	c.room -= c.needs(l)
	for _, i := range []int32{l.a, l.b} {
		if _, ok := c.at[i]; !ok {
			c.at[i] = int32(len(part.texts))
			part.texts = append(part.texts, c.whole.texts[i])
		}
	}
	l.a, l.b = c.at[l.a], c.at[l.b]
	return l, part
}

// needs counts the tokens of a comparison's texts that the last part does not have yet.
func (c *cutter) needs(l link) int {
	n := 0
	for _, i := range []int32{l.a, l.b} {
		if _, ok := c.at[i]; !ok {
			n += len(c.whole.texts[i].tokens)
		}
	}
	return n
}
