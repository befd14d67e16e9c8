package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"

	"gorm.io/gorm"
)

// DefaultPool holds the settings of a project whose lead has not set any.
func DefaultPool(projectID int64) PoolSettings {
	return PoolSettings{ProjectID: projectID, Targets: map[string]map[string]float64{}, WeightCap: 5, Currency: "EUR", PayTime: PayActive}
}

// currency keeps the unit of money short: a code or a sign.
var currency = regexp.MustCompile(`^\pL{1,5}$|^\p{Sc}$`)

// Validate names the first setting that is out of range, and makes the shares
// of each target sum to 1 exactly where they do to a thousandth.
func (p *PoolSettings) Validate() error {
	switch {
	case p.WeightCap != 0 && !(p.WeightCap >= 1 && p.WeightCap <= 1000):
		return Invalid("weight_cap", "%g is neither 0, for no limit, nor between 1 and 1000", p.WeightCap)
	case p.PayBy != PayNothing && p.PayBy != PayByItem && p.PayBy != PayByHour:
		return Invalid("pay_by", "%q is neither %s nor %s", p.PayBy, PayByItem, PayByHour)
	case p.PayTime != PayActive && p.PayTime != PayLease:
		return Invalid("pay_time", "%q is neither %s nor %s", p.PayTime, PayActive, PayLease)
	case !(p.Rate >= 0 && p.Rate <= 1e6):
		return Invalid("rate", "%g is not between 0 and a million", p.Rate)
	case p.PayBy != PayNothing && !currency.MatchString(p.Currency):
		return Invalid("currency", "%q is no currency such as EUR", p.Currency)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Targets)) {
		if err := wholeShares(name, p.Targets[name]); err != nil {
			return err
		}
	}
	return nil
}

// wholeShares checks the shares of one target.
func wholeShares(name string, shares map[string]float64) error {
	sum := 0.0
	for _, value := range slices.Sorted(maps.Keys(shares)) {
		share := shares[value]
		if value == "" || !(share >= 0 && share <= 1) {
			return Invalid("targets", "%s=%s: %g %% is not between 0 and 100", name, value, 100*share)
		}
		sum += share
	}
	if math.Abs(sum-1) > .001+1e-12 {
		return Invalid("targets", "the shares of %s sum to %g %%, not to 100", name, math.Round(1e5*sum)/1000)
	}
	for value := range shares {
		shares[value] /= sum
	}
	return nil
}

// PoolSettings returns a project's.
func (s *Store) PoolSettings(ctx context.Context, projectID int64) (PoolSettings, error) {
	return poolOf(s.read(ctx), projectID)
}

func poolOf(q *gorm.DB, projectID int64) (PoolSettings, error) {
	p, err := first[PoolSettings](q.Where("project_id = ?", projectID))
	if errors.Is(err, ErrNotFound) {
		return DefaultPool(projectID), nil
	}
	return p, err
}

// SetPool changes a project's targets, weights and pay.
func (s *Store) SetPool(ctx context.Context, by int64, p PoolSettings) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return s.write(ctx, func(tx *gorm.DB) error {
		if _, err := first[Project](tx.Where("id = ?", p.ProjectID)); err != nil {
			return err
		}
		old, err := poolOf(tx, p.ProjectID)
		if err != nil {
			return err
		}
		if err := tx.Save(&p).Error; err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "pool.update", fmt.Sprintf("project:%d", p.ProjectID), map[string]any{"before": old, "after": p})
	})
}

// Pool lists the people of a project's pool: members in order of joining, then
// the workers of imports by name.
func (s *Store) Pool(ctx context.Context, projectID int64) ([]PoolPerson, error) {
	var out []PoolPerson
	err := s.snapshot(ctx, func(tx *gorm.DB) error {
		people, err := peopleOf(tx, projectID)
		if err != nil {
			return err
		}
		answers, err := answersBy(tx, projectID)
		if err != nil {
			return err
		}
		for _, p := range people {
			if m := p.member; m.Admitted != 0 && !ended(m.Stage) && m.Stage != StageWithdrawn {
				out = append(out, PoolPerson{m.Worker, m.UserID, p.groups(true), m.Joined, answers[m.Worker]})
			}
		}
		imported, err := importedPeople(tx, projectID, answers)
		out = append(out, imported...)
		return err
	})
	return out, err
}

// answersBy counts the answers in use by pseudonym.
func answersBy(tx *gorm.DB, projectID int64) (map[string]int64, error) {
	var rows []struct {
		Worker string
		N      int64
	}
	err := tx.Raw("SELECT worker, count(*) AS n FROM answers WHERE project_id = ? AND state = ? AND purpose = '' AND worker <> '' GROUP BY worker", projectID, AnswerActive).Scan(&rows).Error
	by := map[string]int64{}
	for _, r := range rows {
		by[r.Worker] = r.N
	}
	return by, err
}

// importedPeople are the workers of imported judgements, with the groups that
// the newest record of each names.
func importedPeople(tx *gorm.DB, projectID int64, answers map[string]int64) ([]PoolPerson, error) {
	var rows []struct{ Worker, Extra string }
	err := tx.Raw(`SELECT a.worker, a.extra FROM answers a JOIN (SELECT max(id) AS id FROM answers
		WHERE project_id = ? AND state = ? AND user_id = 0 AND worker <> '' GROUP BY worker) newest ON newest.id = a.id ORDER BY a.worker`, projectID, AnswerActive).Scan(&rows).Error
	var out []PoolPerson
	for _, r := range rows {
		var record struct {
			Groups map[string]*string `json:"groups"`
		}
		p := PoolPerson{Worker: r.Worker, Groups: map[string]string{}, Answers: answers[r.Worker]}
		if json.Unmarshal([]byte(r.Extra), &record) == nil {
			for name, value := range record.Groups {
				if value != nil && *value != "" {
					p.Groups[name] = *value
				}
			}
		}
		out = append(out, p)
	}
	return out, err
}

// Work lists who submitted what on which day, all purposes, also answers that
// were excluded or withdrawn later: the work was done. Taken back and replaced
// ones do not count, nor what was skipped.
func (s *Store) Work(ctx context.Context, projectID int64) ([]WorkDay, error) {
	var days []WorkDay
	err := s.read(ctx).Raw(`SELECT user_id, max(worker) AS worker, max(day) AS day, count(*) AS tasks, sum(active) AS active_ms, sum(lease) AS lease_ms FROM (
			SELECT user_id, max(worker) AS worker, max(answered) / 86400000 AS day, sum(duration_ms) AS lease,
				sum(CASE WHEN active_ms > 0 AND active_ms < duration_ms THEN active_ms ELSE duration_ms END) AS active
			FROM answers WHERE project_id = ? AND user_id <> 0 AND state IN ('active', 'excluded', 'returned', 'withdrawn') GROUP BY user_id, item_id) tasks
		GROUP BY user_id, day ORDER BY user_id, day`, projectID).Scan(&days).Error
	return days, explain(err)
}

// InvitesByTag counts a project's invitations by tag; one with two tags counts for each.
func (s *Store) InvitesByTag(ctx context.Context, projectID int64) ([]TagUse, error) {
	invites, err := all[Invite](s.read(ctx).Where("project_id = ? AND role = ?", projectID, RoleLabeler))
	by := map[string]*TagUse{}
	for _, inv := range invites {
		tags := []string{""}
		if len(inv.Tags) > 0 {
			tags = nil
			for name, value := range inv.Tags {
				tags = append(tags, name+"="+value)
			}
		}
		for _, tag := range tags {
			if by[tag] == nil {
				by[tag] = &TagUse{Tag: tag}
			}
			switch u := by[tag]; {
			case inv.Used != 0:
				u.Used++
			case inv.Expires <= s.Now():
				u.Expired++
			default:
				u.Open++
			}
		}
	}
	var out []TagUse
	for _, tag := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[tag])
	}
	return out, err
}

// Languages counts, among the members of a pool, who reads a language: primary
// subtag → people. Who named none reads all and is counted under "".
func (s *Store) Languages(ctx context.Context, people []PoolPerson) (map[string]int, error) {
	ids := []int64{}
	for _, p := range people {
		if p.UserID != 0 {
			ids = append(ids, p.UserID)
		}
	}
	profiles, err := all[Profile](s.read(ctx).Where("user_id IN ?", ids))
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, p := range profiles {
		var subtags []string
		for _, l := range p.Languages {
			subtags = append(subtags, primarySubtag(l))
		}
		slices.Sort(subtags)
		for _, l := range slices.Compact(subtags) {
			counts[l]++
		}
		if len(subtags) > 0 {
			counts[""]--
		}
	}
	if counts[""] += len(ids); counts[""] == 0 {
		delete(counts, "")
	}
	return counts, nil
}
