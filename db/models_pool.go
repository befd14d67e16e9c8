package db

// What work is paid by.
const (
	PayNothing = ""     // the project keeps no pay sheet
	PayByItem  = "item" // each submitted task
	PayByHour  = "hour" // time spent on submitted tasks
)

// Which time an hourly rate pays.
const (
	PayActive = "active" // while the page was visible, as the browser says; lease time where it says nothing
	PayLease  = "lease"  // from hand-out to submission
)

// PoolSettings is what a project's pool should look like and what work is paid.
type PoolSettings struct {
	ProjectID  int64                         `gorm:"primaryKey"`
	Targets    map[string]map[string]float64 `gorm:"serializer:json"` // name of MemberGroups → value → share; the shares of a name sum to 1
	WeightCap  float64                       // largest weight, times the mean; 0: no limit
	UseWeights bool                          // weights go into exports, and are offered on pages of statistics
	PayBy      string
	Rate       float64 // per task or per hour, in Currency
	Currency   string  // such as EUR
	PayTime    string
}

// TableName says that a project has one pool.
func (PoolSettings) TableName() string { return "pools" }

// PoolPerson is a labeler of a project's pool: a member who was admitted and is
// still there, or somebody whose judgements came with an import.
type PoolPerson struct {
	Worker  string
	UserID  int64             // 0: of an import
	Groups  map[string]string // as MemberGroups, or as the imported record says
	Joined  Millis            // 0: of an import
	Answers int64             // in use
}

// WorkDay is what one labeler submitted on one day (UTC).
type WorkDay struct {
	UserID   int64
	Worker   string
	Day      int64 // days since 1970-01-01
	Tasks    int64 // submitted; one that was given back and done again is one
	ActiveMS int64 // as the browsers measured, lease time where they did not
	LeaseMS  int64 // from hand-out to submission
}

// TagUse is how many of a project's invitations with a tag are out and were used.
type TagUse struct {
	Tag                 string // "cohort=spanish"; "": without tags
	Open, Used, Expired int
}
