package db

// LeaseRemoved is the state of a lease whose answer was excluded or withdrawn
// and whose slot went back to the queue. Its labeler does not get the item again.
const LeaseRemoved = "removed"

// Kinds of review notes.
const (
	NoteComment  = "comment"
	NoteReturn   = "return"   // given back for rework
	NoteTakeBack = "takeback" // the return was taken back
	NoteExclude  = "exclude"
	NoteInclude  = "include" // the exclusion was taken back
)

// ReviewNote is one entry of the thread on an answer: a comment, or a decision
// with its reason.
type ReviewNote struct {
	ID        int64
	ProjectID int64
	AnswerID  int64
	Kind      string // one of the Note… constants
	Text      string
	ToLabeler bool // the answer's labeler may read it
	UserID    int64
	Created   Millis
}

// Artefact kinds. Models have the kind of their run, such as "reward" or "ppo".
const ArtefactExport = "export"

// Artefact is a file or a model that was made from a project's answers, known
// by the hash of its content (records.md: of a file's bytes, or of a checkpoint
// directory's sorted list of paths and hashes).
type Artefact struct {
	ID          int64
	SHA256      string // 64 hex digits
	Kind        string
	ProjectID   int64  // 0: none
	RunID       int64  // 0: an export
	Name        string // of the file, or the directory of the model
	Format      string // of an export
	Rows        int64
	Created     Millis
	CreatedBy   int64
	Retired     Millis // when somebody noted that it was deleted or retrained; 0: not yet
	RetiredBy   int64
	RetiredNote string
}

// ArtefactParent is something an artefact was made from, by hash.
type ArtefactParent struct {
	ArtefactID int64  `gorm:"primaryKey"`
	SHA256     string `gorm:"primaryKey"`
	Role       string // such as "data" or "policy"
}

// ArtefactWorker says that answers of a worker are in an artefact itself. What
// an artefact has through its parents is not repeated here.
type ArtefactWorker struct {
	ArtefactID int64  `gorm:"primaryKey"`
	ProjectID  int64  `gorm:"primaryKey"`
	Worker     string `gorm:"primaryKey"`
	Answers    int64
}

// Withdrawal is a person's wish that their answers in a project be used no more.
type Withdrawal struct {
	ProjectID int64  `gorm:"primaryKey"`
	Worker    string `gorm:"primaryKey"` // pseudonym
	Answers   int64  // that had been given
	Created   Millis
	CreatedBy int64 // the person, a lead, or 0: the command line
}
