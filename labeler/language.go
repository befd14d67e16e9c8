package labeler

import (
	"net/http"
	"net/url"

	"agora/db"
	"agora/views"

	"github.com/gin-gonic/gin"
)

// languageCookie keeps a visitor's choice of language before they have an account.
const languageCookie = "agora-language"

// aYear in seconds.
const aYear = 365 * 24 * 60 * 60

// routesLanguage lets everybody choose the interface's language, also before signing in.
func (s *Server) routesLanguage() []Route {
	return []Route{{Method: http.MethodPost, Path: "/language", Allow: public, Handle: s.chooseLanguage}}
}

// speak lets the pages of a request speak the visitor's language: the person's own setting, else
// what this browser chose, else what it asks for. authorize calls it again when it knows who asks.
func speak(c *gin.Context) {
	chosen, _ := c.Cookie(languageCookie) // no cookie: no wish
	l := views.ChooseLanguage(c.GetHeader("Accept-Language"), user(c).UILanguage, chosen)
	c.Request = c.Request.WithContext(views.WithLanguage(c.Request.Context(), l))
}

// chooseLanguage keeps the choice with the account and in the browser, and goes back to the page it
// was made on.
func (s *Server) chooseLanguage(c *gin.Context) error {
	l := views.Language(c.PostForm("language"))
	if !views.Known(l) {
		return db.Invalid("language", "this site does not speak it")
	}
	if u := user(c); u.ID != 0 {
		if err := s.store.SetUILanguage(c.Request.Context(), u.ID, string(l)); err != nil {
			return err
		}
	}
	http.SetCookie(c.Writer, &http.Cookie{Name: languageCookie, Value: string(l), Path: "/", MaxAge: aYear,
		HttpOnly: true, Secure: s.public.Secure, SameSite: http.SameSiteLaxMode})
	return seeOther(c, pageBefore(c.Request))
}

// pageBefore is the page of this site that a form was sent from, else the start page.
func pageBefore(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host {
		return "/"
	}
	return localPath(from.RequestURI())
}
