package prefs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// Curation chooses the prompts that a dataset is made of, as Ouyang et al. 2022 (InstructGPT, section
// 3.2) did: prompts that share a long common prefix are taken once, no user gives more than 200, and
// training, validation and test are split by user. The zero value leaves everything as it is.
//
// The user of a record is the member source_user of prompt/1 and completions/1 and the member worker of
// demo/1 and ranked/1, or whatever UserField names.
type Curation struct {
	Prefix      int    // characters in which two prompts must not be equal; 0: any two may
	PerUser     int    // prompts of one user; 0: any number
	SplitByUser bool   // write the member split, by a hash of the user
	UserField   string // member that names the user; "": by the kind of record

	Validation, Test float64 // shares of the users, for SplitByUser
	Seed             uint64  // of the split; another one splits the users anew
}

// Validate names the first wrong setting.
func (c Curation) Validate() error {
	switch {
	case c.Prefix < 0:
		return fmt.Errorf("--dedup-prefix %d must not be negative", c.Prefix)
	case c.PerUser < 0:
		return fmt.Errorf("--per-user %d must not be negative", c.PerUser)
	case !(c.Validation >= 0) || !(c.Test >= 0) || !(c.Validation+c.Test < 1):
		return fmt.Errorf("--validation %g and --test %g must not be negative and leave something to train on", c.Validation, c.Test)
	case c.UserField != "" && c.PerUser == 0 && !c.SplitByUser:
		return errors.New("--user-field is for --per-user and --split-by user")
	}
	return nil
}

// On says whether there is anything to do.
func (c Curation) On() bool { return c.Prefix > 0 || c.PerUser > 0 || c.SplitByUser }

// Curated is what a Curation did. It is complete when all records have been read.
type Curated struct {
	Read int `json:"read"` // records
	Kept int `json:"kept"`

	Prefix       int `json:"dedup_prefix,omitempty"`  // characters
	SharedPrefix int `json:"shared_prefix,omitempty"` // records left out: an earlier, other prompt begins alike
	Repeated     int `json:"repeated,omitempty"`      // prompt records left out: the prompt was there already

	PerUser      int `json:"per_user,omitempty"`      // prompts
	OverLimit    int `json:"over_limit,omitempty"`    // records left out: their user has as many prompts already
	LimitedUsers int `json:"limited_users,omitempty"` // whose they are

	Users  int               `json:"users,omitempty"` // of kept records, where users count
	Splits map[string]*Split `json:"splits,omitempty"`
	// Straddling counts prompts that users of more than one split have in common.
	Straddling int `json:"prompts_in_several_splits,omitempty"`
}

// Split counts what went into train, validation or test.
type Split struct {
	Records int `json:"records"`
	Users   int `json:"users"`
}

// splitNames are the values of the member split.
var splitNames = [3]string{"train", "validation", "test"}

type promptKey [16]byte

// curator remembers, per prompt and per user, what was kept so far.
type curator struct {
	Curation
	report  *Curated
	prefix  map[promptKey]promptKey       // the beginning of a prompt → the prompt that was kept
	users   map[string]map[promptKey]bool // the prompts kept of each user
	limited map[string]bool
	splits  map[promptKey]int // bit i: in splitNames[i]
}

// Apply yields the records that are kept, in order, and fills the report on the way. file names the
// source in errors. A record without a user is an error where users count.
func (c Curation) Apply(file string, rows iter.Seq2[Row, error]) (iter.Seq2[Record, error], *Curated) {
	report := &Curated{}
	return func(yield func(Record, error) bool) {
		s := c.start(report)
		for row, err := range rows {
			keep := false
			if err == nil {
				keep, err = s.take(row.Record)
				if err != nil {
					err = &Error{File: file, Unit: row.Unit, Line: row.Line, Err: err}
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if keep && !yield(row.Record, nil) {
				return
			}
		}
	}, report
}

func (c Curation) start(report *Curated) *curator {
	*report = Curated{Prefix: c.Prefix, PerUser: c.PerUser}
	if c.SplitByUser {
		report.Splits = map[string]*Split{}
		for _, name := range splitNames {
			report.Splits[name] = &Split{}
		}
	}
	return &curator{Curation: c, report: report, prefix: map[promptKey]promptKey{}, users: map[string]map[promptKey]bool{},
		limited: map[string]bool{}, splits: map[promptKey]int{}}
}

// take decides about a record. Only what is kept is remembered, so that a prompt that was left out
// keeps no other out.
func (s *curator) take(r Record) (bool, error) {
	s.report.Read++
	prompt := PromptOf(r).Prompt
	whole, begin := keyOf(encode(prompt)), beginning(prompt, s.Prefix)
	_, single := r.(*Prompt)
	if kept, ok := s.prefix[begin]; s.Prefix > 0 && ok && (kept != whole || single) {
		if kept != whole {
			s.report.SharedPrefix++
		} else {
			s.report.Repeated++
		}
		return false, nil
	}
	if s.PerUser > 0 || s.SplitByUser {
		user, err := userOf(r, s.UserField)
		if err != nil {
			return false, err
		}
		if !s.admit(user, whole) {
			return false, nil
		}
		if s.SplitByUser {
			s.split(r, user, whole)
		}
	}
	s.prefix[begin] = whole
	s.report.Kept++
	return true, nil
}

// admit says whether the user may have this prompt, and counts it.
func (s *curator) admit(user string, prompt promptKey) bool {
	has := s.users[user]
	if s.PerUser > 0 && len(has) >= s.PerUser && !has[prompt] {
		s.report.OverLimit++
		s.limited[user] = true
		s.report.LimitedUsers = len(s.limited)
		return false
	}
	if has == nil {
		has = map[promptKey]bool{}
		s.users[user] = has
		s.report.Users = len(s.users)
		if s.SplitByUser {
			s.report.Splits[splitNames[s.splitOf(user)]].Users++
		}
	}
	has[prompt] = true
	return true
}

// split writes the record's split.
func (s *curator) split(r Record, user string, prompt promptKey) {
	i := s.splitOf(user)
	s.report.Splits[splitNames[i]].Records++
	before := s.splits[prompt]
	s.splits[prompt] = before | 1<<i
	if one := before&(before-1) == 0; before != 0 && one && before != s.splits[prompt] {
		s.report.Straddling++ // from one split to two
	}
	setSplit(r, splitNames[i])
}

// splitOf is an index of splitNames that depends on seed and user only, so that a user is on the same
// side in every file.
func (s *curator) splitOf(user string) int {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte(user), s.Seed))
	x := float64(binary.LittleEndian.Uint64(sum[:])>>11) / (1 << 53)
	switch {
	case x < s.Test:
		return 2
	case x < s.Test+s.Validation:
		return 1
	}
	return 0
}

func keyOf(data []byte) (k promptKey) {
	sum := sha256.Sum256(data)
	copy(k[:], sum[:])
	return k
}

// beginning is what the first n characters of a prompt are known by; of a shorter prompt, all of it.
// System turns are an application's, not its user's, and are passed over.
func beginning(prompt []Message, n int) promptKey {
	var b strings.Builder
	for _, m := range prompt {
		if m.Role == "system" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n" + m.Role + ": ")
		}
		b.WriteString(m.Content)
	}
	if b.Len() == 0 {
		return keyOf(encode(prompt))
	}
	text, end := b.String(), 0
	for range n {
		if end == len(text) {
			return keyOf([]byte("whole " + text))
		}
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	return keyOf([]byte("begin " + text[:end]))
}

// userOf is the member of that name, or "" for the one of the record's kind: of the record, or of the
// row that it was made from.
func userOf(r Record, name string) (string, error) {
	field, known, extra := "", "", Fields(nil)
	switch r := r.(type) {
	case *Prompt:
		field, known, extra = "source_user", r.SourceUser, r.Extra
	case *Completions:
		field, extra = "source_user", r.Extra
	case *Demo:
		field, known, extra = "worker", r.Worker, r.Extra
	case *Ranked:
		field, known, extra = "worker", r.Worker, r.Extra
	}
	if name == "" {
		name = field
	}
	if name == field && known != "" {
		return known, nil
	}
	raw, ok := extra.Get(name)
	if !ok {
		var origin Origin
		if from, is := extra.Get("origin"); is && json.Unmarshal(from, &origin) == nil {
			raw, ok = origin.Columns.Get(name)
		}
	}
	var user string
	var number *int
	switch {
	case !ok || isNull(raw) || isEmpty(raw):
		return "", &FieldError{name, errors.New("is missing: it names the user for --per-user and --split-by user (--user-field names another member)")}
	case decodeString(raw, &user) == nil:
		return user, nil
	case decodeInt(raw, &number) == nil:
		return fmt.Sprint(*number), nil
	}
	return "", &FieldError{name, fmt.Errorf("must be a string or a whole number to name the user, is %s", kind(raw))}
}

// setSplit writes the split into the record, and into the row that it was made from.
func setSplit(r Record, split string) {
	var extra *Fields
	switch r := r.(type) {
	case *Prompt:
		r.Split, extra = split, &r.Extra
	case *Demo:
		r.Split, extra = split, &r.Extra
	case *Ranked:
		r.Split, extra = split, &r.Extra
	case *Completions:
		extra = &r.Extra
		extra.Set("split", encode(split)) // completions/1 has no field for it
	}
	var origin Origin
	if raw, ok := extra.Get("origin"); ok && json.Unmarshal(raw, &origin) == nil {
		origin.Columns.Set("split", encode(split))
		extra.Set("origin", encode(origin))
	}
}

// Lines are the report in words, one thing a line: first what was left out, then the splits.
func (c *Curated) Lines() (out, splits []string) {
	if c.SharedPrefix > 0 {
		out = append(out, fmt.Sprintf("%s of a prompt whose first %s are those of an earlier one", plural(c.SharedPrefix, "record"), plural(c.Prefix, "character")))
	}
	if c.Repeated > 0 {
		out = append(out, fmt.Sprintf("%s of a prompt that was there already", plural(c.Repeated, "record")))
	}
	if c.OverLimit > 0 {
		out = append(out, fmt.Sprintf("%s beyond %s of a user (%s)", plural(c.OverLimit, "record"), plural(c.PerUser, "prompt"), plural(c.LimitedUsers, "user")))
	}
	for _, name := range splitNames {
		if s := c.Splits[name]; s != nil {
			splits = append(splits, fmt.Sprintf("%s: %s of %s", name, plural(s.Records, "record"), plural(s.Users, "user")))
		}
	}
	if c.Straddling > 0 {
		splits = append(splits, fmt.Sprintf("%s in more than one split, from different users", plural(c.Straddling, "prompt")))
	}
	return out, splits
}
