package labeler

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// routesAccount serves a person's own settings.
func (s *Server) routesAccount() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/account", Allow: labelers, Handle: s.account},
		{Method: http.MethodPost, Path: "/account/password", Allow: labelers, Handle: s.changePassword},
		{Method: http.MethodGet, Path: secondFactor, Allow: labelers, Handle: s.totpForm},
		{Method: http.MethodPost, Path: secondFactor, Allow: labelers, Handle: s.totpOffer},
		{Method: http.MethodPost, Path: secondFactor + "/confirm", Allow: labelers, Handle: s.totpConfirm},
		{Method: http.MethodPost, Path: secondFactor + "/codes", Allow: labelers, Handle: s.totpCodes},
		{Method: http.MethodPost, Path: secondFactor + "/off", Allow: labelers, Handle: s.totpOff},
	}
}

// secondFactor is where it is set up.
const secondFactor = "/account/totp"

// needsTOTP tells whether somebody must set a second factor up before
// anything else: who runs projects, on a site that other machines reach.
func (s *Server) needsTOTP(u db.User) bool {
	return s.public.Remote && u.TOTP == 0 && researchers.allows(u.Role)
}

func (s *Server) account(c *gin.Context) error { return s.accountPage(c, http.StatusOK, nil) }

func (s *Server) accountPage(c *gin.Context, status int, errs map[string]string) error {
	u := user(c)
	return render(c, status, views.AccountPage(s.frame(c, say(c, "account.title")), views.Account{
		Name: u.Name, Role: string(u.Role), TOTPSince: u.TOTP.Time(), SingleKeys: u.SingleKeys, MinPassword: minPassword, Errors: errs,
	}))
}

// changePassword signs the person out everywhere else.
func (s *Server) changePassword(c *gin.Context) error {
	u := user(c)
	if !s.logins.accounts.allow(u.NameKey, time.Now()) {
		return errTooMany
	}
	errs := map[string]string{}
	if !s.verify(u.PasswordHash, c.PostForm("current")) {
		errs["current"] = say(c, "account.current.wrong")
	}
	if c.PostForm("password") != c.PostForm("again") {
		errs["again"] = say(c, "join.mismatch")
	}
	if len(errs) > 0 {
		return s.accountPage(c, http.StatusUnprocessableEntity, errs)
	}
	hash, err := s.hash(c.PostForm("password"))
	var invalid *db.InvalidError
	if errors.As(err, &invalid) {
		return s.accountPage(c, http.StatusUnprocessableEntity, map[string]string{invalid.Field: said(c, invalid)})
	}
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(c.Request.Context(), u.ID, hash); err != nil {
		return err
	}
	if err := s.store.Log(c.Request.Context(), u.ID, "user.password", fmt.Sprintf("user:%d", u.ID), nil); err != nil {
		return err
	}
	if u, err = s.store.User(c.Request.Context(), u.ID); err != nil {
		return err
	}
	if err := s.signIn(c, u); err != nil {
		return err
	}
	s.notice(c, say(c, "account.password.changed"))
	return seeOther(c, "/account")
}

func (s *Server) totpForm(c *gin.Context) error { return s.totpPage(c, http.StatusOK, views.TOTP{}) }

// totpPage shows how the second factor stands: off, offered with its picture, or on.
func (s *Server) totpPage(c *gin.Context, status int, v views.TOTP) error {
	ctx, u := c.Request.Context(), user(c)
	v.Since, v.Must, v.Required = u.TOTP.Time(), s.needsTOTP(u), s.public.Remote && researchers.allows(u.Role)
	secret, err := s.store.TOTPSecret(ctx, u.ID)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	if u.TOTP == 0 && secret != "" {
		v.Secret = secret
		if v.QR, err = qrOf(totpAddress(s.siteName(), u.Name, secret)); err != nil {
			return err
		}
	}
	if u.TOTP != 0 {
		left, err := s.store.RecoveryCodesLeft(ctx, u.ID)
		if err != nil {
			return err
		}
		v.Left = int(left)
	}
	f := s.frame(c, say(c, "totp.title"))
	f.Crumbs = []views.Crumb{{Label: say(c, "account.title"), Href: "/account"}, {Label: f.Title}}
	return render(c, status, views.TOTPPage(f, v))
}

// siteName is how authenticator apps list the account.
func (s *Server) siteName() string {
	u, err := url.Parse(s.public.URL)
	if err != nil || u.Hostname() == "" {
		return "agora"
	}
	return "agora " + u.Hostname()
}

// totpOffer makes a secret to be scanned; nothing counts before it is confirmed.
func (s *Server) totpOffer(c *gin.Context) error {
	if err := s.store.OfferTOTP(c.Request.Context(), user(c).ID, newSecret()); err != nil {
		return err
	}
	return seeOther(c, secondFactor)
}

// totpConfirm switches it on once the app shows the right code, and shows the
// recovery codes, this once.
func (s *Server) totpConfirm(c *gin.Context) error {
	ctx, u := c.Request.Context(), user(c)
	if !s.codes.allow(fmt.Sprint(u.ID), time.Now()) {
		return errTooMany
	}
	secret, err := s.store.TOTPSecret(ctx, u.ID)
	if err != nil {
		return err
	}
	step, ok := matchTOTP(secret, tidyCode(c.PostForm("code")), s.store.Now().Time())
	if !ok {
		return s.totpPage(c, http.StatusUnprocessableEntity, views.TOTP{Error: say(c, "totp.wrong")})
	}
	codes := newRecoveryCodes()
	if err := s.store.ConfirmTOTP(ctx, u.ID, step, codes); err != nil {
		return err
	}
	return s.showCodes(c, codes)
}

// showCodes renders the page as the person now stands, with new codes on it.
func (s *Server) showCodes(c *gin.Context, codes []string) error {
	u, err := s.store.User(c.Request.Context(), user(c).ID)
	if err != nil {
		return err
	}
	setUser(c, u)
	return s.totpPage(c, http.StatusOK, views.TOTP{Codes: codes})
}

// totpCodes replaces the recovery codes, for who knows the password.
func (s *Server) totpCodes(c *gin.Context) error {
	if wrong, err := s.wrongPassword(c); wrong || err != nil {
		return err
	}
	if user(c).TOTP == 0 {
		return db.ErrNotFound
	}
	codes := newRecoveryCodes()
	if err := s.store.NewRecoveryCodes(c.Request.Context(), user(c).ID, codes); err != nil {
		return err
	}
	return s.showCodes(c, codes)
}

// totpOff switches it off, where it is not required.
func (s *Server) totpOff(c *gin.Context) error {
	u := user(c)
	if s.public.Remote && researchers.allows(u.Role) {
		return db.Invalid("totp", "%s", say(c, "totp.required"))
	}
	if wrong, err := s.wrongPassword(c); wrong || err != nil {
		return err
	}
	if err := s.store.RemoveTOTP(c.Request.Context(), u.ID, u.ID); err != nil {
		return err
	}
	s.notice(c, say(c, "totp.removed"))
	return seeOther(c, "/account")
}

// wrongPassword asks for the password again before something that matters;
// when it is wrong, the page was written.
func (s *Server) wrongPassword(c *gin.Context) (bool, error) {
	if !s.logins.accounts.allow(user(c).NameKey, time.Now()) {
		return true, errTooMany
	}
	if s.verify(user(c).PasswordHash, c.PostForm("password")) {
		return false, nil
	}
	return true, s.totpPage(c, http.StatusUnprocessableEntity, views.TOTP{PasswordError: say(c, "account.current.wrong")})
}
