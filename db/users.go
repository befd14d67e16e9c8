package db

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"
)

// userName keeps names typeable, linkable and safe to print.
var userName = regexp.MustCompile(`^[\pL\pN][\pL\pM\pN._@+-]{0,63}$`)

// CreateUser adds a person who may sign in once they have a password.
// It returns ErrNameTaken when the name exists in any spelling.
func (s *Store) CreateUser(ctx context.Context, name string, role Role, passwordHash string) (User, error) {
	u := User{Name: name, Role: role, PasswordHash: passwordHash, SingleKeys: true, Created: s.Now()}
	err := s.write(ctx, func(tx *gorm.DB) error {
		if err := createUser(tx, &u); err != nil {
			return err
		}
		return audit(tx, s.Now(), 0, "user.create", fmt.Sprintf("user:%d", u.ID), map[string]any{"role": role})
	})
	return u, err
}

func createUser(tx *gorm.DB, u *User) error {
	u.Name = norm.NFC.String(u.Name)
	if !userName.MatchString(u.Name) {
		return Invalid("name", "use 1 to 64 letters, digits or . _ @ + -, starting with a letter or digit")
	}
	if err := CheckRole(u.Role); err != nil {
		return err
	}
	var err error
	if u.NameKey, err = nameKey(u.Name); err != nil {
		return Invalid("name", "these letters do not go together in a name")
	}
	err = tx.Create(u).Error
	if isUnique(err) {
		return fmt.Errorf("user %s: %w", u.Name, ErrNameTaken)
	}
	return err
}

// nameKey is what names are compared by: the case-mapped user name of RFC 8265,
// in which Ünal, ünal and ＵＮＡＬ with a combining mark are one. It also refuses
// names that mix writing directions in a confusing way.
func nameKey(name string) (string, error) { return precis.UsernameCaseMapped.CompareKey(name) }

// CheckRole refuses an unknown role and lists the known ones.
func CheckRole(r Role) error {
	if !slices.Contains(Roles, r) {
		return Invalid("role", "%q is none of %v", string(r), Roles)
	}
	return nil
}

// User returns one person by id.
func (s *Store) User(ctx context.Context, id int64) (User, error) {
	return first[User](s.read(ctx).Where("id = ?", id))
}

// UserByName finds a person without regard to case.
func (s *Store) UserByName(ctx context.Context, name string) (User, error) {
	key, err := nameKey(name)
	if err != nil {
		return User{}, ErrNotFound // nobody can be called so
	}
	return first[User](s.read(ctx).Where("name_key = ?", key))
}

// Users lists everybody in order of joining.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	return all[User](s.read(ctx).Order("id"))
}

// HasAdmin tells whether some admin can sign in.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	var n int64
	err := s.read(ctx).Model(&User{}).Where("role = ? AND NOT disabled AND password_hash <> ''", RoleAdmin).Count(&n).Error
	return n > 0, explain(err)
}

// SetPassword stores a new hash and signs the person out everywhere.
func (s *Store) SetPassword(ctx context.Context, id int64, hash string) error {
	return s.updateUser(ctx, id, map[string]any{"password_hash": hash, "session_epoch": gorm.Expr("session_epoch + 1")})
}

// SetDisabled locks a person out at once, or lets them in again.
func (s *Store) SetDisabled(ctx context.Context, id int64, disabled bool) error {
	return s.updateUser(ctx, id, map[string]any{"disabled": disabled, "session_epoch": gorm.Expr("session_epoch + 1")})
}

// SetRole changes what a person may do, from their next request on.
func (s *Store) SetRole(ctx context.Context, id int64, role Role) error {
	if err := CheckRole(role); err != nil {
		return err
	}
	return s.updateUser(ctx, id, map[string]any{"role": role})
}

// SetSingleKeys switches a person's single-key shortcuts on or off.
func (s *Store) SetSingleKeys(ctx context.Context, id int64, on bool) error {
	return s.updateUser(ctx, id, map[string]any{"single_keys": on})
}

// SetUILanguage keeps the language in which a person wants the pages, a BCP 47 tag; empty: as the browser asks.
func (s *Store) SetUILanguage(ctx context.Context, id int64, tag string) error {
	return s.updateUser(ctx, id, map[string]any{"ui_language": tag})
}

// SignedIn notes the time of a successful sign-in.
func (s *Store) SignedIn(ctx context.Context, id int64) error {
	return s.updateUser(ctx, id, map[string]any{"last_login": s.Now()})
}

func (s *Store) updateUser(ctx context.Context, id int64, set map[string]any) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return one(tx.Model(&User{}).Where("id = ?", id).Updates(set))
	})
}

// one turns "no row changed" into ErrNotFound.
func one(res *gorm.DB) error {
	if res.Error == nil && res.RowsAffected == 0 {
		return ErrNotFound
	}
	return res.Error
}
