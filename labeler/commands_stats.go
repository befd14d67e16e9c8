package labeler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"agora/db"
	"agora/labeler/agree"
	"agora/reward/prefs"
)

// StatsCmd is `agora stats`.
type StatsCmd struct {
	Agreement   StatsAgreementCmd    `cmd:"" help:"How much labelers agree, with intervals."`
	Leaderboard StatsLeaderboardCmd  `cmd:"" help:"Rank policies by human votes, with intervals."`
	Diversity   StatsDiversityCmd    `cmd:"" help:"Who the labelers are, weights to a population, what groups differ on."`
	Quality     StatsQualityCmd      `cmd:"" help:"How each labeler does: known answers, repeats, peers, sides, flags, times, drift."`
	Disagree    StatsDisagreementCmd `cmd:"" name:"disagreement" help:"On which prompts groups of labelers want different things."`
	Curve       StatsCurveCmd        `cmd:"" name:"learning-curve" help:"How many people should judge the same item."`
}

// Judgements says where a statistic takes people's answers from.
type Judgements struct {
	Database
	Project string   `placeholder:"NAME" help:"Project of the database."`
	Data    []string `type:"existingfile" placeholder:"FILE" help:"Instead of a project: preference files, plain or .gz. Repeatable."`
	Format  string   `default:"auto" help:"Format of the files: auto, ranked, trl, trl-implicit, hh, humour."`
}

// Resampling says how intervals are made.
type Resampling struct {
	Resamples int    `default:"1000" help:"Bootstrap resamples."`
	Seed      uint64 `default:"1" help:"Seed of the bootstrap; the same seed gives the same interval."`
}

func (r Resampling) validate() error {
	if r.Resamples < 100 || r.Resamples > 100000 {
		return fmt.Errorf("--resamples is %d; from 100 to 100000", r.Resamples)
	}
	return nil
}

// each calls fn with every ranking, in order.
func (j Judgements) each(ctx context.Context, fn func(*prefs.Ranked) error) error {
	if len(j.Data) > 0 {
		if j.Project != "" || j.DB != "" {
			return errors.New("--data stands for itself: leave out --db and --project")
		}
		return j.eachInFiles(ctx, fn)
	}
	if j.Project == "" {
		return errors.New("name the answers: --data FILE, or --project NAME of a database")
	}
	return j.existing(ctx, func(store *db.Store) error {
		p, err := store.ProjectByName(ctx, j.Project)
		if err != nil {
			return err
		}
		for r, err := range exportRecords(ctx, store, p, prefs.FormatRanked) {
			if errors.Is(err, errNothing) {
				return fmt.Errorf("project %s has no answers yet", p.Name)
			}
			if err != nil {
				return err
			}
			if ranked, ok := r.(*prefs.Ranked); ok {
				if err := fn(ranked); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (j Judgements) eachInFiles(ctx context.Context, fn func(*prefs.Ranked) error) error {
	format, err := prefs.ParseFormat(j.Format)
	if err != nil {
		return err
	}
	for _, file := range j.Data {
		for r, err := range prefs.ReadRanked(file, format) {
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = fn(r)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// interruptible is fn's result, or ctx's error as soon as ctx ends: mathematics does not look at it, and
// the process ends with the command.
func interruptible[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := fn()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// figure is a number in JSON, null where it does not exist.
type figure float64

// MarshalJSON writes null for NaN, which JSON has no word for.
func (f figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', 10, 64), nil
}

// String is the number as people read it.
func (f figure) String() string {
	if math.IsNaN(float64(f)) {
		return "–"
	}
	return strconv.FormatFloat(float64(f), 'f', 3, 64)
}

// span is an interval in JSON, null where there is none.
type span [2]figure

func spanOf(s agree.Span) *span {
	if math.IsNaN(s.Lo) || math.IsNaN(s.Hi) {
		return nil
	}
	return &span{figure(s.Lo), figure(s.Hi)}
}

// String is "[lo, hi]", or a dash.
func (s *span) String() string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("[%v, %v]", s[0], s[1])
}
