package db

import "fmt"

// Joining is what a newcomer to a project passes before the first task, as its
// lead set it up. A step that has nothing to show (no consent text, no practice
// items) is passed over even when it is on.
type Joining struct {
	ProjectID    int64   `gorm:"primaryKey"`
	Language     string  // BCP 47 of the guidelines' own text
	Profile      bool    // ask for languages and content opt-outs
	Survey       bool    // offer the survey about oneself
	Guidelines   bool    // read and confirm the guidelines
	Practice     bool    // practice items with feedback
	Screening    bool    // screening items and the lead's decision
	FlagsPercent int     // soft cut-offs (InstructGPT, appendix B.1): agreement with the researchers on flags,
	RanksPercent int     // on rankings,
	DemoScore    float64 // and the mean score of demonstrations, 1 to 7
}

// DefaultJoining is a project's before its lead changes it: with no consent
// text and no practice or screening items, a newcomer goes straight to work.
func DefaultJoining(projectID int64) Joining {
	return Joining{ProjectID: projectID, Language: "en", Practice: true, Screening: true, FlagsPercent: 75, RanksPercent: 75, DemoScore: 6}
}

// Validate names the first setting that is out of range.
func (j Joining) Validate() error {
	switch {
	case j.FlagsPercent < 0 || j.FlagsPercent > 100:
		return Invalid("flags_percent", "%d is not between 0 and 100", j.FlagsPercent)
	case j.RanksPercent < 0 || j.RanksPercent > 100:
		return Invalid("ranks_percent", "%d is not between 0 and 100", j.RanksPercent)
	case !(j.DemoScore >= 1 && j.DemoScore <= 7):
		return Invalid("demo_score", "%g is not between 1 and 7", j.DemoScore)
	}
	return checkLanguage("language", j.Language)
}

// Consent texts are numbered from 1 in each project.

// ConsentText is one version of what people agree to. An empty text means that
// nothing is asked.
type ConsentText struct {
	ProjectID int64 `gorm:"primaryKey"`
	Version   int   `gorm:"primaryKey"`
	Text      string
	Training  bool // covers survey answers and tags as groups beside exported answers
	Created   Millis
	CreatedBy int64
}

// Name is what records call the version, such as "c2".
func (c ConsentText) Name() string { return fmt.Sprintf("c%d", c.Version) }

// Consent is one person's answer to one version; the newest counts.
type Consent struct {
	ID        int64
	ProjectID int64
	UserID    int64
	Version   int
	Agreed    bool
	At        Millis
}

// Profile is what a person reads and does not want to read, in all projects.
// It is asked for work and is apart from the survey. No row: reads everything.
type Profile struct {
	UserID    int64    `gorm:"primaryKey"`
	Languages []string `gorm:"serializer:json"` // BCP 47; empty: any
	OptOuts   []string `gorm:"serializer:json"` // of ContentCategories: never hand these out
	Topics    string   // topics or groups whose sensitive speech they can tell
	Updated   Millis
}

// Verdicts of a lead on a newcomer's screening.
const (
	VerdictNone     = ""
	VerdictAccepted = "accepted"
	VerdictRejected = "rejected"
	VerdictPractice = "practice" // once more from practice on
)
