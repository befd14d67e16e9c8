// Package measure compares policies on their samples: win rate by a judge that nothing was trained
// against, KL, length, distinct words, and the language-modelling loss on text nobody trained on.
//
// Quickstart and the experiments share it, so that their numbers mean the same.
package measure
