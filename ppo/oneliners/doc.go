// Package oneliners is the bundled human judgments of one-liners as agora's own records: what quickstart
// and the experiments train on. A text's opening is the prompt, its rest the completion; a judgment
// compares two whole texts under an empty prompt. Half of the texts belong to the policy and its reward
// model, the other half to the judge.
package oneliners
