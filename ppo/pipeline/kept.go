package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"

	"agora/policy/checkpoint"
)

const reportFile = "report.json"

// measure fills a part of the report: from the report of an earlier start, where that part was measured on
// the very same models, else by doing it.
func (q *quickstart) measure(r *Report, part string, models map[string]string, do func() error) error {
	made := map[string]string{part + ".seed": fmt.Sprintf("%d, %d openings", q.cmd.Seed, q.evalPrompts)}
	for role, dir := range models {
		hash, err := hashPath(dir)
		if err != nil {
			return err
		}
		made[part+"."+role] = hash
	}
	if r.MadeFrom == nil {
		r.MadeFrom = map[string]string{}
	}
	maps.Copy(r.MadeFrom, made)
	old, ok := q.oldReport()
	for key, hash := range made {
		ok = ok && old.MadeFrom[key] == hash
	}
	if !ok {
		return do()
	}
	q.say("     numbers kept from an earlier start: same models")
	if part == "accuracies" {
		r.Reward, r.Refs, r.Judge = old.Reward, old.Refs, old.Judge
	} else {
		r.PPO, r.Checks, r.Samples, r.Chart = old.PPO, old.Checks, old.Samples, old.Chart
	}
	return nil
}

// oldReport is what an earlier start found out. A report that cannot be read counts as none.
func (q *quickstart) oldReport() (Report, bool) {
	var r Report
	b, err := os.ReadFile(q.path(reportFile))
	return r, err == nil && json.Unmarshal(b, &r) == nil
}

// keepReport leaves the report beside the data.
func (q *quickstart) keepReport(r *Report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return checkpoint.WriteFile(q.path(reportFile), append(b, '\n'))
}
