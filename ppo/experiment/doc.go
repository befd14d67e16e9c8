// Package experiment holds the comparisons that agora's claims rest on, as commands that anyone can run
// again: agora experiment run NAME. Each trains what it needs under one folder, keeps what an earlier start
// made as long as settings and inputs are the same, and writes a report of Markdown and SVG beside it.
//
// Policies are compared by a judge: a reward model of another architecture that learned from other
// people's judgments of other texts and that nothing is ever trained against ("gold" in Gao et al. 2022,
// arXiv:2210.10760). It stands in for people; only people can say what people prefer.
package experiment
