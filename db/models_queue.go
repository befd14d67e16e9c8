package db

// Orders in which a project hands out its items. A higher Item.Priority always
// comes first; an order decides among equal ones.
const (
	OldestFirst       = "oldest"       // as they came
	RandomOrder       = "random"       // shuffled once, the same for everybody, so that items fill up one after the other
	UncertainFirst    = "uncertain"    // what a reward model is least sure about
	DisagreementFirst = "disagreement" // what the answers so far disagree on most
)

// Orders lists them, the default first.
var Orders = []string{OldestFirst, RandomOrder, UncertainFirst, DisagreementFirst}

// sortColumn is the column of items that an order sorts by, highest first.
var sortColumn = map[string]string{OldestFirst: "0", RandomOrder: "shuffle", UncertainFirst: "uncertainty", DisagreementFirst: "disagreement"}

// QueueSettings is how a project hands out its items.
type QueueSettings struct {
	ProjectID   int64  `gorm:"primaryKey"`
	SortBy      string // one of Orders
	GoldShare   float64
	RepeatShare float64 // shares of hand-outs that are silent gold and repeat items, 0…½ together
	RepeatAfter int     // tasks of the same labeler between an item and its repeat, 5 or more
	MaxOverlap  int     // answers that an item people disagree on may get in all; 0: never more than the overlap
	ExtraFrom   float64 // disagreement from which an item gets another answer, 0…1
	GroupBy     string  // what divides members into groups, a name of MemberGroups; "": nothing
	Quotas      Quotas  `gorm:"serializer:json"`
	// A place kept for a group is anybody's when nothing happened to its item for FallbackHours, or
	// when nobody of the group was handed a task for ActiveHours.
	FallbackHours int
	ActiveHours   int
	Secret        string // silent items are drawn with it; never leaves the server
}

// Quotas is how many answers to each item should come from each group, at least.
type Quotas map[string]int

// TableName says that a project has one queue.
func (QueueSettings) TableName() string { return "queues" }

// need is a number of places of an item that are kept for a group.
type need struct {
	ItemID      int64 `gorm:"primaryKey"`
	ProjectID   int64
	MemberGroup string `gorm:"primaryKey"`
	Places      int
}

// turn counts what a member was handed.
type turn struct {
	ProjectID int64 `gorm:"primaryKey"`
	UserID    int64 `gorm:"primaryKey"`
	Handed    int64
	Seen      Millis
}

// itemContent is something in an item that a labeler may not wish to read.
type itemContent struct {
	ItemID   int64  `gorm:"primaryKey"`
	Category string `gorm:"primaryKey"`
}

// TableName keeps the uncountable word.
func (itemContent) TableName() string { return "item_content" }

// queueItem is an item as the queue sees it: the columns that only the queue reads.
type queueItem struct {
	ID           int64
	ProjectID    int64
	Priority     int
	Taken        int
	Wanted       int // answers asked for: the project's overlap and extra ones
	Reserved     int // free places kept for groups
	Changed      Millis
	Purpose      string
	Closed       bool
	Uncertainty  float64
	Disagreement float64
}

// TableName says where the columns are.
func (queueItem) TableName() string { return "items" }
