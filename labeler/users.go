package labeler

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// resetLife is how long a link for a new password works.
const resetLife = 48 * time.Hour

// routesUsers serves people and invitations, for admins.
func (s *Server) routesUsers() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/users", Allow: admins, Handle: s.users},
		{Method: http.MethodPost, Path: "/users/invites", Allow: admins, Handle: s.inviteUser},
		{Method: http.MethodPost, Path: "/users/invites/:invite/revoke", Allow: admins, Handle: s.revokeInvite},
		{Method: http.MethodPost, Path: "/users/:user/disable", Allow: admins, Handle: s.setDisabled(true)},
		{Method: http.MethodPost, Path: "/users/:user/enable", Allow: admins, Handle: s.setDisabled(false)},
		{Method: http.MethodPost, Path: "/users/:user/reset", Allow: admins, Handle: s.resetPassword},
		{Method: http.MethodPost, Path: "/users/:user/totp", Allow: admins, Handle: s.removeTOTP},
		{Method: http.MethodPost, Path: "/users/:user/role", Allow: admins, Handle: s.setRole},
	}
}

func (s *Server) users(c *gin.Context) error { return s.usersPage(c, "") }

// usersPage lists accounts and links. newLink is one just made, shown this once.
func (s *Server) usersPage(c *gin.Context, newLink string) error {
	ctx := c.Request.Context()
	people, err := s.store.Users(ctx)
	if err != nil {
		return err
	}
	invites, err := s.store.Invites(ctx)
	if err != nil {
		return err
	}
	v := views.Users{NewLink: newLink}
	for _, u := range people {
		v.People = append(v.People, userView(u, user(c).ID))
	}
	for _, i := range invites {
		v.Invites = append(v.Invites, inviteView(i, s.store.Now(), "/users/invites"))
	}
	for _, r := range db.Roles {
		v.Roles = append(v.Roles, views.Choice{Value: string(r), Label: say(c, "role."+string(r))})
	}
	return render(c, http.StatusOK, views.UsersPage(s.frame(c, say(c, "users.title")), v))
}

// userView offers what can be done with an account; nobody locks themselves out.
func userView(u db.User, self int64) views.User {
	base := fmt.Sprintf("/users/%d", u.ID)
	v := views.User{Name: u.Name, Role: string(u.Role), State: "active", LastSignIn: u.LastLogin.Time(), TOTP: u.TOTP != 0}
	if u.ID != self {
		v.SetRole = base + "/role"
		if v.TOTP {
			v.RemoveTOTP = base + "/totp"
		}
	}
	switch {
	case u.Disabled:
		v.State, v.Enable = "disabled", base+"/enable"
	default:
		v.Reset = base + "/reset"
		if u.ID != self {
			v.Disable = base + "/disable"
		}
	}
	return v
}

func (s *Server) inviteUser(c *gin.Context) error {
	token, _, err := s.store.CreateInvite(c.Request.Context(), db.Invite{
		Role: db.Role(c.PostForm("role")), Label: strings.TrimSpace(c.PostForm("label")), CreatedBy: user(c).ID}, inviteLife)
	if err != nil {
		return err
	}
	return s.usersPage(c, s.link("/join/"+token))
}

func (s *Server) revokeInvite(c *gin.Context) error {
	n, err := id(c, "invite")
	if err != nil {
		return err
	}
	if err := s.store.RevokeInvite(c.Request.Context(), user(c).ID, n); err != nil {
		return err
	}
	s.notice(c, say(c, "invite.revoked"))
	return seeOther(c, "/users#invites")
}

// setDisabled locks somebody else's account, or opens it again.
func (s *Server) setDisabled(disabled bool) Handler {
	return func(c *gin.Context) error {
		n, err := s.somebodyElse(c)
		if err != nil {
			return err
		}
		if err := s.store.SetDisabled(c.Request.Context(), n, disabled); err != nil {
			return err
		}
		action, words := "user.enable", "users.enabled"
		if disabled {
			action, words = "user.disable", "users.disabled"
		}
		if err := s.store.Log(c.Request.Context(), user(c).ID, action, fmt.Sprintf("user:%d", n), nil); err != nil {
			return err
		}
		s.notice(c, say(c, words))
		return seeOther(c, "/users")
	}
}

// removeTOTP switches somebody else's second factor off, for when they lost it.
func (s *Server) removeTOTP(c *gin.Context) error {
	n, err := s.somebodyElse(c)
	if err != nil {
		return err
	}
	if err := s.store.RemoveTOTP(c.Request.Context(), user(c).ID, n); err != nil {
		return err
	}
	s.notice(c, say(c, "users.totp.removed"))
	return seeOther(c, "/users")
}

// setRole changes what somebody else may do; nobody changes their own role, so
// that an admin is always left.
func (s *Server) setRole(c *gin.Context) error {
	n, err := s.somebodyElse(c)
	if err != nil {
		return err
	}
	role := db.Role(c.PostForm("role"))
	if err := s.store.SetRole(c.Request.Context(), n, role); err != nil {
		return err
	}
	if err := s.store.Log(c.Request.Context(), user(c).ID, "user.role", fmt.Sprintf("user:%d", n), map[string]any{"role": role}); err != nil {
		return err
	}
	s.notice(c, say(c, "users.role.changed"))
	return seeOther(c, "/users")
}

// somebodyElse is the user of the address, who must not be the one who asks.
func (s *Server) somebodyElse(c *gin.Context) (int64, error) {
	n, err := id(c, "user")
	if err == nil && n == user(c).ID {
		return 0, db.Invalid("user", "%s", say(c, "users.self"))
	}
	return n, err
}

// resetPassword makes a link with which somebody chooses a new password.
func (s *Server) resetPassword(c *gin.Context) error {
	n, err := id(c, "user")
	if err != nil {
		return err
	}
	u, err := s.store.User(c.Request.Context(), n)
	if err != nil {
		return err
	}
	token, _, err := s.store.CreateInvite(c.Request.Context(), db.Invite{
		Role: u.Role, UserID: u.ID, Label: say(c, "users.reset.label", u.Name), CreatedBy: user(c).ID}, resetLife)
	if err != nil {
		return err
	}
	return s.usersPage(c, s.link("/join/"+token))
}
