package db

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ErrCodeUsed means that a code of this moment, or a later one, was accepted
// already: somebody may have seen it.
var ErrCodeUsed = errors.New("this code was used already; wait for the next one")

// totpSecret is shared with a person's authenticator app. It counts once
// User.TOTP is set.
type totpSecret struct {
	UserID   int64 `gorm:"primaryKey"`
	Secret   string
	LastStep int64 // newest 30-second step whose code was accepted
}

// recoveryCode signs in once in place of the app.
type recoveryCode struct {
	UserID   int64  `gorm:"primaryKey"`
	CodeHash string `gorm:"primaryKey"` // hex sha256
	Used     Millis
}

// OfferTOTP stores a secret that its person is about to confirm. It is refused
// for whom a second factor is on already.
func (s *Store) OfferTOTP(ctx context.Context, userID int64, secret string) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		u, err := first[User](tx.Where("id = ?", userID))
		if err != nil {
			return err
		}
		if u.TOTP != 0 {
			return Invalid("totp", "is on already")
		}
		return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&totpSecret{UserID: userID, Secret: secret}).Error
	})
}

// TOTPSecret returns a person's secret, confirmed or offered; ErrNotFound: none.
func (s *Store) TOTPSecret(ctx context.Context, userID int64) (string, error) {
	t, err := first[totpSecret](s.read(ctx).Where("user_id = ?", userID))
	return t.Secret, err
}

// ConfirmTOTP switches the second factor on, with codes for when the app is
// lost. step is that of the code by which the person proved that it works.
func (s *Store) ConfirmTOTP(ctx context.Context, userID, step int64, codes []string) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := useStep(tx, userID, step); err != nil {
			return err
		}
		if err := one(tx.Model(&User{}).Where("id = ? AND totp = 0", userID).Update("totp", s.Now())); err != nil {
			return err
		}
		if err := putRecoveryCodes(tx, userID, codes); err != nil {
			return err
		}
		return audit(tx, s.Now(), userID, "totp.on", fmt.Sprintf("user:%d", userID), nil)
	})
}

// NewRecoveryCodes replaces a person's codes.
func (s *Store) NewRecoveryCodes(ctx context.Context, userID int64, codes []string) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		if err := putRecoveryCodes(tx, userID, codes); err != nil {
			return err
		}
		return audit(tx, s.Now(), userID, "totp.codes", fmt.Sprintf("user:%d", userID), nil)
	})
}

func putRecoveryCodes(tx *gorm.DB, userID int64, codes []string) error {
	if err := tx.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error; err != nil {
		return err
	}
	for _, c := range codes {
		if err := tx.Create(&recoveryCode{UserID: userID, CodeHash: hashToken(c)}).Error; err != nil {
			return err
		}
	}
	return nil
}

// UseTOTP accepts a code's step, once: neither it nor an earlier one again.
func (s *Store) UseTOTP(ctx context.Context, userID, step int64) error {
	return s.write(ctx, func(tx *gorm.DB) error { return useStep(tx, userID, step) })
}

func useStep(tx *gorm.DB, userID, step int64) error {
	err := one(tx.Model(&totpSecret{}).Where("user_id = ? AND last_step < ?", userID, step).Update("last_step", step))
	if errors.Is(err, ErrNotFound) {
		return ErrCodeUsed
	}
	return err
}

// UseRecoveryCode accepts one of a person's codes, once. It returns how many
// are left, and ErrNotFound for a code that is none or was used.
func (s *Store) UseRecoveryCode(ctx context.Context, userID int64, code string) (left int64, err error) {
	err = s.write(ctx, func(tx *gorm.DB) error {
		err := one(tx.Model(&recoveryCode{}).Where("user_id = ? AND code_hash = ? AND used = 0", userID, hashToken(code)).Update("used", s.Now()))
		if err != nil {
			return err
		}
		if err := audit(tx, s.Now(), userID, "totp.recovery", fmt.Sprintf("user:%d", userID), nil); err != nil {
			return err
		}
		return tx.Model(&recoveryCode{}).Where("user_id = ? AND used = 0", userID).Count(&left).Error
	})
	return left, err
}

// RecoveryCodesLeft counts a person's unused codes.
func (s *Store) RecoveryCodesLeft(ctx context.Context, userID int64) (left int64, err error) {
	err = s.read(ctx).Model(&recoveryCode{}).Where("user_id = ? AND used = 0", userID).Count(&left).Error
	return left, explain(err)
}

// RemoveTOTP switches a person's second factor off and forgets secret and
// codes. Done by somebody else, it also signs the person out everywhere.
func (s *Store) RemoveTOTP(ctx context.Context, by, userID int64) error {
	return s.write(ctx, func(tx *gorm.DB) error {
		set := map[string]any{"totp": 0}
		if by != userID {
			set["session_epoch"] = gorm.Expr("session_epoch + 1")
		}
		if err := one(tx.Model(&User{}).Where("id = ?", userID).Updates(set)); err != nil {
			return err
		}
		if err := tx.Where("user_id = ?", userID).Delete(&totpSecret{}).Error; err != nil {
			return err
		}
		if err := putRecoveryCodes(tx, userID, nil); err != nil {
			return err
		}
		return audit(tx, s.Now(), by, "totp.off", fmt.Sprintf("user:%d", userID), nil)
	})
}
