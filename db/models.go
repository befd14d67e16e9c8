package db

import (
	"encoding/json"
	"fmt"
	"time"
)

// Millis is a point in time as Unix milliseconds (UTC); 0 means "never" or
// "not yet". Times are stored as plain integers so that they compare the same
// way in every database and survive every driver.
type Millis int64

// AtMillis converts t; the zero time becomes 0.
func AtMillis(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time converts back; 0 becomes the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// Role says what a person may do. Every role may do what the roles before it may.
type Role string

const (
	RoleLabeler    Role = "labeler"    // ranks completions
	RoleReviewer   Role = "reviewer"   // also reads other people's answers
	RoleResearcher Role = "researcher" // also runs projects, imports, exports and trainings
	RoleAdmin      Role = "admin"      // also manages people
)

// Roles lists all roles, weakest first.
var Roles = []Role{RoleLabeler, RoleReviewer, RoleResearcher, RoleAdmin}

// User is somebody who signs in. Answers name a Member pseudonym, never a User.
type User struct {
	ID           int64
	Name         string // what they sign in with, unique without regard to case
	NameKey      string // nameKey(Name)
	PasswordHash string // argon2id in PHC format; empty: no password set yet, cannot sign in
	Role         Role
	Disabled     bool
	SessionEpoch int    // a session made under another epoch is signed out
	UILanguage   string // BCP 47, empty: as the browser asks
	SingleKeys   bool   // single-key shortcuts on (WCAG 2.1.4 wants an off switch)
	Created      Millis
	LastLogin    Millis
	TOTP         Millis // since when sign-in asks for a second factor, 0: it does not
}

// Invite is a link that may be used once: to join with a role, to become the
// first admin, or (UserID set) to choose a new password.
type Invite struct {
	ID        int64
	TokenHash string // hex sha256 of the token in the link
	Role      Role
	UserID    int64             // whose password is reset; 0: a new account is made
	ProjectID int64             // joined on use; 0: none
	Label     string            // note to oneself, such as "Ana, Spanish"
	Tags      map[string]string `gorm:"serializer:json"` // given to the member who joins with it
	CreatedBy int64             // 0: printed on the terminal
	Created   Millis
	Expires   Millis
	Used      Millis
	UsedBy    int64
}

// Project kinds: what a task asks.
const (
	KindRank     = "rank"          // rank K completions, ties allowed
	KindPairwise = "pairwise"      // compare two completions in five steps
	KindDemo     = "demonstration" // write the answer to a prompt
	KindPrompt   = "prompt"        // write a prompt to a brief
	KindRating   = "rating"        // judge one completion by itself
)

// Kinds lists the project kinds, the default first.
var Kinds = []string{KindRank, KindPairwise, KindDemo, KindPrompt, KindRating}

// Project is a set of tasks with one set of rules.
type Project struct {
	ID           int64
	Name         string // unique, used on the command line and in exports
	Title        string
	Instructions string // guidelines as Markdown
	Guideline    int    // version of Instructions, counts up when they change
	Kind         string // one of Kinds
	K            int    // completions per task, 2…9 for KindRank, else as FixedK says
	Overlap      int    // how many different labelers answer each item
	LeaseMinutes int    // how long a handed-out task stays reserved
	EditMinutes  int    // how long a labeler may undo or edit an answer
	Archived     bool   // hands out no tasks
	Created      Millis
	CreatedBy    int64
	Form         string `gorm:"-"` // of a new project: the preset its first task form is made from; "": as the kind has it
}

// GuidelineVersion is the name stored with each answer, such as "g3".
func (p Project) GuidelineVersion() string { return fmt.Sprintf("g%d", p.Guideline) }

// Member is a person in a project, known there by a pseudonym.
type Member struct {
	ProjectID  int64  `gorm:"primaryKey"`
	UserID     int64  `gorm:"primaryKey"`
	Worker     string // pseudonym, stable within the project, unrelated to the name
	Joined     Millis
	Stage      string            `gorm:"default:active"`  // how far they have come, one of the stages; StageActive: works
	Tags       map[string]string `gorm:"serializer:json"` // from their invitation, such as cohort=spanish
	Admitted   Millis            // when they first came to StageActive, 0: not yet
	SurveySeen bool              // answered the survey or passed it over
	Verdict    string            // the lead's, on the screening
}

// StageActive is the stage of a member who is past everything that comes before work.
const StageActive = "active"

// Import is one file that came into a project.
type Import struct {
	ID        int64
	ProjectID int64
	File      string // base name as given
	Format    string // such as "ranked", "trl", "hh"
	SHA256    string // of the file's bytes, hex
	Rows      int
	Items     int // items that were new
	Answers   int
	Created   Millis
	CreatedBy int64
}

// Item kinds.
const (
	ItemRank   = "rank"   // prompt + completions to be ranked
	ItemPrompt = "prompt" // prompt alone
	ItemDemo   = "demo"   // prompt + a demonstration, not handed out
	ItemBrief  = "brief"  // what a prompt is to be written about
)

// Purposes of an item and of the answers to it. Only answers for work are
// exported, learned from and counted in statistics.
const (
	ForWork      = ""          // the project's own tasks
	ForGold      = "gold"      // answer known, mixed in silently
	ForRepeat    = "repeat"    // seen by the same labeler before, mixed in silently
	ForPractice  = "practice"  // with feedback, before the first task
	ForScreening = "screening" // compared with the researchers' key
)

// Item is one prompt with its completions.
type Item struct {
	ID        int64
	ProjectID int64
	ImportID  int64
	Line      int // line of the import, from 1; keeps the order of the file
	Kind      string
	Hash      string // of prompt, completions and extra: equal items of a project are one
	PromptID  string
	Prompt    string  // JSON list of {"role","content"}, or a JSON string
	Lang      string  // BCP 47, empty: unknown
	Extra     string  // JSON object: further fields of the item's record
	Priority  int     // higher is handed out first
	K         int     // number of completions
	Taken     int     // slots leased or answered; handed out while Taken < Overlap
	Closed    bool    // not handed out any more
	Purpose   string  // ForWork, ForGold …
	Solution  string  // JSON object: the researchers' key of a gold, practice or screening item; never sent to a labeler before they answered
	AuthorID  int64   // user who wrote the prompt here; 0: nobody of the site
	CloneOf   int64   // item that a repeat shows again; 0: none
	Shuffle   float64 // its place in a random order, 0…1
	Created   Millis
}

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Messages decodes the prompt; a plain string is one user turn.
func (it Item) Messages() ([]Message, error) {
	var text string
	if json.Unmarshal([]byte(it.Prompt), &text) == nil {
		return []Message{{"user", text}}, nil
	}
	var m []Message
	if err := json.Unmarshal([]byte(it.Prompt), &m); err != nil {
		return nil, fmt.Errorf("item %d: prompt: %w", it.ID, err)
	}
	return m, nil
}

// Completion is one text under a prompt. Policy must never reach a labeler.
type Completion struct {
	ID       int64
	ItemID   int64
	Pos      int    // place in the record, from 0
	Key      string // random, what a browser may see and send back
	ExtID    string // id within the record, such as "c1"
	Text     string
	Policy   string // who wrote it: a model's name or hash, "demo", or empty
	Extra    string // JSON object: further fields (sampling, finish, logprob)
	AuthorID int64  // user who wrote it here; 0: nobody of the site
}

// Lease states. A slot of an item is taken while its lease is open or answered.
const (
	LeaseOpen     = "open"
	LeaseAnswered = "answered"
	LeaseSkipped  = "skipped"
	LeaseExpired  = "expired"
)

// Lease reserves one slot (0 … Overlap-1) of an item for one labeler.
type Lease struct {
	ID      string // random
	ItemID  int64
	Slot    int
	UserID  int64
	State   string
	Shown   []string `gorm:"serializer:json"` // completion keys in the order shown
	Taken   Millis
	Expires Millis
	Closed  Millis
	Reason  string // why it was skipped, one of SkipReasons
	Comment string // labeler's own words on a skip

	Returned Millis // when a reviewer gave the task back for rework; 0: never, or reworked since
	Locked   bool   // its answer was excluded or withdrawn: neither undone nor edited
	Form     int    // version of the task form it was first shown with; 0: not shown yet
}

// Draft is unsubmitted work. It outlives its lease.
type Draft struct {
	ItemID  int64   `gorm:"primaryKey"`
	UserID  int64   `gorm:"primaryKey"`
	Ranking Ranking `gorm:"serializer:json"`
	Saved   Millis
}

// Ranking is what a labeler says about one task: a ranking, and what else its form asks.
type Ranking struct {
	Ranks          map[string]int `json:"ranks"`              // completion key → rank, 1 is best, equal is a tie; absent: not ranked
	Strength       *float64       `json:"strength,omitempty"` // K = 2 only: 0 tie, 1 slightly, 2 clearly better
	NoneAcceptable bool           `json:"none_acceptable,omitempty"`
	Confidence     *int           `json:"confidence,omitempty"` // 1…10
	Note           string         `json:"note,omitempty"`
	ActiveMS       int64          `json:"active_ms,omitempty"` // time the page was visible, as the browser says
	UIVersion      string         `json:"ui_version,omitempty"`

	Ratings     map[string]Rating `json:"ratings,omitempty"`      // completion key → what is said about it alone
	PromptFlags map[string]*bool  `json:"prompt_flags,omitempty"` // flag → yes, no or null: makes no sense here; absent: not answered
	Written     Written           `json:"written,omitzero"`       // what the labeler wrote, for demonstrations and prompts
}

// Answer states. Nothing is deleted: an undone, replaced or excluded answer
// stays, but is neither exported nor learned from nor counted.
const (
	AnswerActive    = "active"
	AnswerUndone    = "undone"
	AnswerReplaced  = "replaced"
	AnswerReturned  = "returned"  // a reviewer gave it back for rework
	AnswerExcluded  = "excluded"  // a reviewer left it out, with a reason
	AnswerWithdrawn = "withdrawn" // its labeler withdrew it
)

// Answer is one labeler's judgement of one item: what a ranked/1 line holds.
type Answer struct {
	ID        int64
	ProjectID int64
	ItemID    int64
	ImportID  int64  // 0: given on the site
	Line      int    // line of the import
	LeaseID   string // empty: imported
	UserID    int64  // 0: imported
	Worker    string // pseudonym
	State     string

	Ranks          []*int   `gorm:"serializer:json"` // by Completion.Pos; null: not ranked
	Strength       *float64 // K = 2 only
	NoneAcceptable bool
	Confidence     *float64
	Note           string
	Shown          []string `gorm:"serializer:json"` // Completion.ExtID in the order shown
	DurationMS     int64    // from hand-out to submission, by the server's clock
	ActiveMS       int64
	Guideline      string // such as "g3"
	UIVersion      string
	Purpose        string // of its item
	Form           string // version of the task form, such as "f2"; "": none
	Details        string // JSON object: ratings, flags, texts as the task form asks; "": none
	Extra          string // JSON object: an imported record's remaining fields, verbatim; "" on the site's own
	Answered       Millis
}

// Audit is one line of the log of who changed what.
type Audit struct {
	ID     int64
	At     Millis
	UserID int64  // 0: command line or system
	Action string // such as "user.disable"
	Object string // such as "user:7"
	Detail string // JSON object

	ProjectID int64 // 0: of the whole site
}

// TableName keeps the uncountable word.
func (Audit) TableName() string { return "audit" }
