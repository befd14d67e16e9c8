package db

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// CreateInvite stores a link that works once until ttl has passed, and returns
// the secret token to put into it. Only the token's hash is stored.
// Fill Role, and UserID, ProjectID, Label, Tags and CreatedBy where they apply.
func (s *Store) CreateInvite(ctx context.Context, inv Invite, ttl time.Duration) (token string, _ Invite, err error) {
	if err := CheckRole(inv.Role); err != nil {
		return "", inv, err
	}
	if inv.Tags, err = checkTags(inv.Tags); err != nil {
		return "", inv, err
	}
	token = rand.Text() // 128 bits or more
	inv.TokenHash = hashToken(token)
	inv.Created, inv.Expires = s.Now(), AtMillis(s.now().Add(ttl))
	err = s.write(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&inv).Error; err != nil {
			return err
		}
		return audit(tx, s.Now(), inv.CreatedBy, "invite.create", fmt.Sprintf("invite:%d", inv.ID),
			map[string]any{"role": inv.Role, "user": inv.UserID, "project": inv.ProjectID})
	})
	return token, inv, err
}

// Invite looks a link up. It returns ErrNotFound, ErrLinkUsed or ErrLinkOver
// when it does not work (any more).
func (s *Store) Invite(ctx context.Context, token string) (Invite, error) {
	return s.invite(s.read(ctx), token)
}

func (s *Store) invite(q *gorm.DB, token string) (Invite, error) {
	inv, err := first[Invite](q.Where("token_hash = ?", hashToken(token)))
	switch {
	case err != nil:
		return inv, err
	case inv.Used != 0:
		return inv, ErrLinkUsed
	case inv.Expires <= s.Now():
		return inv, ErrLinkOver
	}
	return inv, nil
}

// Invites lists all links, newest first.
func (s *Store) Invites(ctx context.Context) ([]Invite, error) {
	return all[Invite](s.read(ctx).Order("id DESC"))
}

// RevokeInvite ends an unused link.
func (s *Store) RevokeInvite(ctx context.Context, by, id int64) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := one(tx.Model(&Invite{}).Where("id = ? AND used = 0", id).Update("expires", s.Now())); err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "invite.revoke", fmt.Sprintf("invite:%d", id), nil)
	})
}

// RevokeFirstAdminLinks ends earlier first-run links, so that only the one
// printed last works.
func (s *Store) RevokeFirstAdminLinks(ctx context.Context) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&Invite{}).Where("created_by = 0 AND role = ? AND user_id = 0 AND used = 0", RoleAdmin).
			Update("expires", s.Now()).Error
	})
}

// AcceptInvite uses a link up: it makes the account called name, or gives the
// invited person their new password, and joins the invite's project. All of it
// happens or nothing.
func (s *Store) AcceptInvite(ctx context.Context, token, name, passwordHash string) (User, error) {
	var u User
	err := s.write(ctx, func(tx *gorm.DB) error {
		inv, err := s.invite(tx, token)
		if err != nil {
			return err
		}
		if u, err = s.acceptAs(tx, inv, name, passwordHash); err != nil {
			return err
		}
		if err := s.joinBy(tx, inv, u.ID); err != nil {
			return err
		}
		if err := audit(tx, s.Now(), u.ID, "invite.accept", fmt.Sprintf("invite:%d", inv.ID), nil); err != nil {
			return err
		}
		return tx.Model(&inv).Updates(map[string]any{"used": s.Now(), "used_by": u.ID}).Error
	})
	return u, err
}

// JoinBy uses a link to a project up for somebody who has an account. Links
// that do more than that (a role above labeler, a new password) are ErrNotFound.
func (s *Store) JoinBy(ctx context.Context, token string, userID int64) (Invite, error) {
	var inv Invite
	err := s.write(ctx, func(tx *gorm.DB) (err error) {
		if inv, err = s.invite(tx, token); err != nil {
			return err
		}
		if inv.ProjectID == 0 || inv.UserID != 0 || inv.Role != RoleLabeler {
			return ErrNotFound
		}
		if err := s.joinBy(tx, inv, userID); err != nil {
			return err
		}
		if err := audit(tx, s.Now(), userID, "invite.accept", fmt.Sprintf("invite:%d", inv.ID), nil); err != nil {
			return err
		}
		return tx.Model(&inv).Updates(map[string]any{"used": s.Now(), "used_by": userID}).Error
	})
	return inv, err
}

// joinBy makes somebody a member of a link's project, with its tags. Who left
// the project or declined before comes back to the first step.
func (s *Store) joinBy(tx *gorm.DB, inv Invite, userID int64) error {
	if inv.ProjectID == 0 {
		return nil
	}
	m, err := s.member(tx, inv.ProjectID, userID)
	if err != nil {
		return err
	}
	if m.Tags == nil {
		m.Tags = map[string]string{}
	}
	maps.Copy(m.Tags, inv.Tags)
	if m.Stage == StageLeft || m.Stage == StageDeclined {
		m.Stage = StageConsent
	}
	if err := tx.Model(&Member{}).Where("project_id = ? AND user_id = ?", m.ProjectID, m.UserID).Select("tags", "stage").Updates(&m).Error; err != nil {
		return err
	}
	p, err := first[Project](tx.Where("id = ?", inv.ProjectID))
	if err != nil {
		return err
	}
	return s.advance(tx, p, &m)
}

// tagName and tagValue keep tags fit for the groups of a record.
var (
	tagName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	tagValue = regexp.MustCompile(`^[\pL\pN][\pL\pM\pN ._+-]{0,59}$`)
)

// checkTags refuses tags that a record's groups could not hold, or that would
// pass for a survey answer.
func checkTags(in map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for name, value := range in {
		switch {
		case !tagName.MatchString(name):
			return nil, Invalid("tags", "%q: a tag is called by lower-case letters, digits or _, such as cohort=spanish", name)
		case !tagValue.MatchString(value):
			return nil, Invalid("tags", "%s=%q: use letters, digits, spaces or . _ + -", name, value)
		case slices.ContainsFunc(SurveyQuestions, func(q SurveyQuestion) bool { return q.Key == name }):
			return nil, Invalid("tags", "%s is a question of the survey, which people answer themselves; choose another name", name)
		}
		out[name] = value
	}
	return out, nil
}

// ParseTags reads tags as a lead types them: "cohort=spanish, wave=2".
func ParseTags(text string) (map[string]string, error) {
	tags := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, Invalid("tags", "%q: write NAME=VALUE, such as cohort=spanish", part)
		}
		tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return checkTags(tags)
}

// acceptAs makes the invited account, or resets the password of an existing one.
func (s *Store) acceptAs(tx *gorm.DB, inv Invite, name, passwordHash string) (User, error) {
	if inv.UserID == 0 {
		u := User{Name: name, Role: inv.Role, PasswordHash: passwordHash, SingleKeys: true, Created: s.Now()}
		return u, createUser(tx, &u)
	}
	err := one(tx.Model(&User{}).Where("id = ? AND NOT disabled", inv.UserID).
		Updates(map[string]any{"password_hash": passwordHash, "session_epoch": gorm.Expr("session_epoch + 1")}))
	if err != nil {
		return User{}, err
	}
	return first[User](tx.Where("id = ?", inv.UserID))
}

// hashToken is what is stored instead of a secret.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
