package db

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNotFound      = errors.New("not found")
	ErrNameTaken     = errors.New("this name is taken")
	ErrNoTask        = errors.New("no task is left for you here")
	ErrNotReady      = errors.New("there is a step for you before the tasks begin")
	ErrLeaseLost     = errors.New("this task was given to somebody else meanwhile; your draft is kept")
	ErrTooLate       = errors.New("the time to change this answer is over")
	ErrLinkUsed      = errors.New("this link was used already")
	ErrLinkOver      = errors.New("this link is no longer valid")
	ErrImportedTwice = errors.New("this file was imported into this project before")
	ErrRunLost       = errors.New("this run was claimed by another worker")
	ErrNotAgora      = errors.New("not an agora database")
	ErrTooNew        = errors.New("database written by a newer agora")
	ErrFull          = errors.New("the disk is full")
	ErrLocked        = errors.New("the database is locked by another program")
	ErrReadOnly      = errors.New("the database cannot be written")
	ErrDamaged       = errors.New("the database file is damaged")
	ErrOldSQLite     = errors.New("SQLite is too old")
	ErrOldPostgres   = errors.New("PostgreSQL is too old")
	ErrUnreachable   = errors.New("the database server does not answer")
	ErrBadOptions    = errors.New("the database connection has unsafe settings")
)

// explain turns the drivers' errors into the package's own, keeping the cause.
func explain(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrFull, ErrLocked, ErrReadOnly, ErrNotAgora, ErrDamaged, ErrUnreachable} {
		if errors.Is(err, known) {
			return err
		}
	}
	return explainPostgres(explainSQLite(err))
}

// isUnique tells whether err is a broken UNIQUE or PRIMARY KEY constraint.
func isUnique(err error) bool { return isUniqueSQLite(err) || isUniquePostgres(err) }

// InvalidError says which field of the input is wrong and why. The reason is
// fit to be shown to the person who typed it, in their language by its Sentence.
type InvalidError struct {
	Field, Reason string

	format string // of the reason; "" where whoever found the fault worded it
	args   []any
}

// Sentence is the reason as a format and what fills it in, for translation.
func (e *InvalidError) Sentence() (format string, args []any) {
	if e.format == "" {
		return "%s", []any{e.Reason}
	}
	return e.format, e.args
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Reason }

// Invalid makes an InvalidError. Formats are literals: the catalogue of views translates each.
func Invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...), format: format, args: args}
}
