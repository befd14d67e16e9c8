package views

import (
	"context"
	"fmt"
)

// Pool is who works in a project, against who should.
type Pool struct {
	Base      string // "/projects/3/pool"
	Labelers  int
	Figures   []Figure
	Reading   string // the figures in a sentence
	Warning   string // what keeps the weights from reaching the targets
	Groups    []PoolGroup
	Languages []PoolCount
	Invites   []PoolInvites
	Retention Chart
	Hours     Chart
	Pay       []PayRow
	PaySum    PayRow
	Paid      bool   // there is a rate
	From, To  string // days of the pay sheet
	Sheet     string // address of the CSV by pseudonym
	NameSheet string // and by name; empty: not for this reader
	Targets   TargetForm
	PayForm   PayForm
	MayChange bool
	People    string // address of the page where people are invited
}

// PoolGroup is the composition by one characteristic.
type PoolGroup struct {
	Name  string
	Rows  []PoolShare
	Known string // "Of the 79 who said; 5 did not.", or that it is not shown
}

// PoolShare is one value: its share of those who said, and the target.
type PoolShare struct {
	Value         string
	Share, Target float64 // Target −1: none
	Count         string  // people, or ""
	Hidden        string  // why it is not shown, in words; "": it is
}

// PoolCount is a number of people.
type PoolCount struct {
	Name  string
	N     string
	Small bool
}

// PoolInvites are the invitations with a tag.
type PoolInvites struct {
	Tag                 string
	Open, Used, Expired int
}

// PayRow is what one labeler did and earned.
type PayRow struct {
	Worker        string
	Tasks         int
	Active, Lease string // hours
	Amount        string
}

// TargetForm is the targets as typed.
type TargetForm struct {
	Groups     []TargetGroup
	Cap        string
	UseWeights bool
	Errors     map[string]string
}

// TargetGroup is the targets of one characteristic.
type TargetGroup struct {
	Name, Label string
	Values      []TargetField
	Set         bool // some value has one
}

// TargetField is the target of one value, in percent.
type TargetField struct{ Value, Label, Share string }

// PayForm is the rate as typed.
type PayForm struct {
	By, Rate, Currency, Time string
	Errors                   map[string]string
}

// shareScale is the length of a bar for a share of 1: the same in all tables of a page.
const shareScale = 168.0

// shareWords is a bar in words.
func shareWords(ctx context.Context, r PoolShare) string {
	if r.Target < 0 {
		return T(ctx, "pool.bar", r.Value, wholePercent(r.Share))
	}
	return T(ctx, "pool.bar.target", r.Value, wholePercent(r.Share), wholePercent(r.Target))
}

// wholePercent is a share without decimals: one more would tell small groups.
func wholePercent(share float64) string { return fmt.Sprintf("%.0f\u00a0%%", 100*share) }
