package db

// Run states.
const (
	RunQueued  = "queued"
	RunRunning = "running"
	RunDone    = "done"
	RunFailed  = "failed"
	RunStopped = "stopped" // stopped on request; may be resumed
)

// Run is one training: a kind, a configuration and the hashes of its inputs.
type Run struct {
	ID        int64
	Kind      string // such as "sft", "reward", "ppo"
	Name      string
	ProjectID int64  // 0: none
	Config    string // JSON object
	Inputs    string // JSON object: name → {"path","sha256"}
	Dir       string // run directory on the machine of the worker; chosen by the worker when empty
	Status    string

	Worker        string // who holds it, such as "host:pid"
	LeaseExpires  Millis // a running run whose lease ran out is claimed again and resumed
	Attempt       int    // how often it was claimed
	Crashes       int    // how often in a row its worker died without getting further
	StopRequested bool

	Done    int64  // progress in steps
	Total   int64  // 0: not known yet
	Message string // last line for people: what it does now, or why it failed
	Result  string // JSON object, set when finished

	Created   Millis
	CreatedBy int64
	Started   Millis
	Finished  Millis
}

// Metric is one number of a run at a step. A step that is computed again
// after a resume overwrites its numbers.
type Metric struct {
	RunID int64  `gorm:"primaryKey"`
	Step  int64  `gorm:"primaryKey"`
	Name  string `gorm:"primaryKey"` // such as "objective/kl"
	Value float64
}

// TableName puts the metrics beside the runs.
func (Metric) TableName() string { return "run_metrics" }

// Sample is one generated text, or any other JSON object, of a run at a step.
type Sample struct {
	RunID int64  `gorm:"primaryKey"`
	Step  int64  `gorm:"primaryKey"`
	Idx   int    `gorm:"primaryKey"` // place within the step
	Data  string // JSON object, such as {"prompt","completion","reward"}
}

// TableName puts the samples beside the runs.
func (Sample) TableName() string { return "run_samples" }
