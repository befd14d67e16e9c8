package labeler

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"agora/db"
)

// TestHOTPVectors are the values of RFC 4226, appendix D.
func TestHOTPVectors(t *testing.T) {
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := hotp([]byte("12345678901234567890"), int64(i), 6); got != want {
			t.Errorf("counter %d: %s, want %s", i, got, want)
		}
	}
}

// TestTOTPVectors are the SHA-1 values of RFC 6238, appendix B: eight digits.
func TestTOTPVectors(t *testing.T) {
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		if got := hotp([]byte("12345678901234567890"), at/30, 8); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestMatchTOTP(t *testing.T) {
	secret := base32Plain.EncodeToString([]byte("12345678901234567890"))
	now := time.Unix(1111111111, 0) // step 37037037
	for _, tt := range []struct {
		code string
		step int64
	}{{"050471", 37037037}, {"081804", 37037036}, {hotp([]byte("12345678901234567890"), 37037038, 6), 37037038}, {hotp([]byte("12345678901234567890"), 37037035, 6), 0}, {"", 0}, {"05047", 0}, {"14050471", 0}} {
		if step, ok := matchTOTP(secret, tt.code, now); ok != (tt.step != 0) || step != tt.step {
			t.Errorf("code %q: step %d %v, want %d", tt.code, step, ok, tt.step)
		}
	}
	if got := totpAddress("agora rank.example.org", "ana@x", "GEZD"); got != "otpauth://totp/agora%20rank.example.org:ana@x?issuer=agora%20rank.example.org&secret=GEZD" {
		t.Errorf("address %s", got)
	}
	if tidyCode(" 123 456 ") != "123456" || tidyCode("abcde fghij") != "ABCDE-FGHIJ" {
		t.Error("codes are not read as people type them")
	}
}

// codeNow is what the app of a person shows, steps from now.
func (s *testSite) codeNow(u db.User, steps int64) string {
	s.t.Helper()
	secret := must(s.st.TOTPSecret(context.Background(), u.ID))
	key := must(base32Plain.DecodeString(secret))
	return hotp(key, s.st.Now().Time().Unix()/30+steps, totpDigits)
}

// withTOTP switches a second factor on through the pages and returns the recovery codes.
func (s *testSite) withTOTP(b *browser, u db.User) []string {
	s.t.Helper()
	if res := b.post("/account/totp", nil); res.Code != http.StatusSeeOther {
		s.t.Fatalf("offer: %d", res.Code)
	}
	page := b.get("/account/totp").Body.String()
	if !strings.Contains(page, "<svg class=\"qr\"") || !strings.Contains(page, inFours(must(s.st.TOTPSecret(context.Background(), u.ID)))) {
		s.t.Fatal("no picture or no secret to type")
	}
	res := b.post("/account/totp/confirm", url.Values{"code": {s.codeNow(u, -1)}})
	if res.Code != http.StatusOK {
		s.t.Fatalf("confirm: %d %s", res.Code, res.Body)
	}
	return regexp.MustCompile(`[A-Z2-7]{5}-[A-Z2-7]{5}`).FindAllString(res.Body.String(), -1)
}

func inFours(secret string) string {
	return strings.TrimSpace(regexp.MustCompile(`.{4}`).ReplaceAllString(secret, "$0 "))
}

func TestSignInWithSecondFactor(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleResearcher)
	codes := s.withTOTP(s.signedInAs(u), u)
	if len(codes) != recoveryCodes {
		t.Fatalf("%d recovery codes", len(codes))
	}
	half := func() *browser {
		b := s.visitor()
		res := b.post("/signin", url.Values{"name": {"ana"}, "password": {testPassword}, "next": {"/runs"}})
		if res.Header().Get("Location") != "/signin/code" {
			t.Fatalf("after the password: %d %s", res.Code, res.Header().Get("Location"))
		}
		return b
	}
	send := func(b *browser, code string) (status int, to string) {
		res := b.post("/signin/code", url.Values{"code": {code}})
		return res.Code, res.Header().Get("Location")
	}
	b := half()
	if res := b.get("/projects"); res.Code != http.StatusSeeOther {
		t.Errorf("the password alone lets in: %d", res.Code)
	}
	if status, _ := send(b, "000000"); status != http.StatusUnprocessableEntity {
		t.Errorf("wrong code: %d", status)
	}
	if status, _ := send(b, s.codeNow(u, -1)); status != http.StatusUnprocessableEntity {
		t.Errorf("the code that switched it on works again: %d", status)
	}
	now := s.codeNow(u, 0)
	if status, to := send(b, now); status != http.StatusSeeOther || to != "/runs" {
		t.Errorf("right code: %d %s", status, to)
	}
	if res := b.get("/projects"); res.Code != http.StatusOK {
		t.Errorf("signed in: %d", res.Code)
	}
	if status, _ := send(half(), now); status != http.StatusUnprocessableEntity {
		t.Errorf("a code seen over the shoulder works again: %d", status)
	}
	s.codes = newKeyedLimit(s.codes.every, 50) // the limit has its own test
	if status, _ := send(half(), strings.ToLower(codes[0])); status != http.StatusSeeOther {
		t.Errorf("recovery code: %d", status)
	}
	if status, _ := send(half(), codes[0]); status != http.StatusUnprocessableEntity {
		t.Errorf("a used recovery code works again: %d", status)
	}
	if res := s.visitor().get("/signin/code"); res.Header().Get("Location") != "/signin" {
		t.Errorf("the second step without the first: %d", res.Code)
	}
}

func TestCodesAreLimited(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleLabeler)
	s.withTOTP(s.signedInAs(u), u)
	last := 0
	b := s.visitor()
	b.post("/signin", url.Values{"name": {"ana"}, "password": {testPassword}})
	for range 6 {
		last = b.post("/signin/code", url.Values{"code": {"000000"}}).Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the sixth guess: %d", last)
	}
}

// TestResetLinkKeepsTheSecondFactor: who gets hold of a link for a new password is not in yet.
func TestResetLinkKeepsTheSecondFactor(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleAdmin)
	s.withTOTP(s.signedInAs(u), u)
	token, _, err := s.st.CreateInvite(context.Background(), db.Invite{Role: u.Role, UserID: u.ID}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b := s.visitor()
	res := b.post("/join/"+token, joining("", "a new long password", "a new long password"))
	if res.Header().Get("Location") != "/signin/code" || b.get("/users").Code != http.StatusSeeOther {
		t.Errorf("%d %s", res.Code, res.Header().Get("Location"))
	}
}

func TestSecondFactorIsRequiredBeyondThisMachine(t *testing.T) {
	s := newTestSite(t)
	s.public.Remote = true
	lab, rosa := s.addUser("lena", db.RoleLabeler), s.addUser("rosa", db.RoleResearcher)
	if res := s.signedInAs(lab).get("/tasks"); res.Code != http.StatusOK {
		t.Errorf("labeler: %d", res.Code)
	}
	b := s.signedInAs(rosa)
	if res := b.get("/projects"); res.Code != http.StatusSeeOther || res.Header().Get("Location") != secondFactor {
		t.Errorf("researcher: %d %s", res.Code, res.Header().Get("Location"))
	}
	if res := b.post("/projects", url.Values{"name": {"x"}}); res.Code != http.StatusForbidden {
		t.Errorf("researcher's form: %d", res.Code)
	}
	s.withTOTP(b, rosa)
	if res := b.get("/projects"); res.Code != http.StatusOK {
		t.Errorf("with a second factor: %d", res.Code)
	}
	if res := b.post("/account/totp/off", url.Values{"password": {testPassword}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("switching it off: %d", res.Code)
	}
}

func TestSecondFactorOff(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleLabeler)
	b := s.signedInAs(u)
	s.withTOTP(b, u)
	if res := b.post("/account/totp/off", url.Values{"password": {"wrong password"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("with a wrong password: %d", res.Code)
	}
	if res := b.post("/account/totp/off", url.Values{"password": {testPassword}}); res.Code != http.StatusSeeOther {
		t.Errorf("off: %d", res.Code)
	}
	if res := s.visitor().post("/signin", url.Values{"name": {"ana"}, "password": {testPassword}}); res.Header().Get("Location") == "/signin/code" {
		t.Error("a code is still asked for")
	}
}

// TestAdminRemovesSecondFactor also signs its person out; nobody does it to themselves this way.
func TestAdminRemovesSecondFactor(t *testing.T) {
	s := newTestSite(t)
	u, mira := s.addUser("ana", db.RoleLabeler), s.addUser("mira", db.RoleAdmin)
	b, admin := s.signedInAs(u), s.signedInAs(mira)
	s.withTOTP(b, u)
	if res := admin.post("/users/"+userNumber(mira)+"/totp", nil); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("an admin's own: %d", res.Code)
	}
	if res := admin.post("/users/"+userNumber(u)+"/totp", nil); res.Code != http.StatusSeeOther {
		t.Errorf("removed: %d", res.Code)
	}
	if res := b.get("/tasks"); res.Code != http.StatusSeeOther {
		t.Errorf("still signed in: %d", res.Code)
	}
	if must(s.st.User(context.Background(), u.ID)).TOTP != 0 {
		t.Error("still on")
	}
	if res := admin.post("/users/"+userNumber(u)+"/role", url.Values{"role": {"reviewer"}}); res.Code != http.StatusSeeOther || must(s.st.User(context.Background(), u.ID)).Role != db.RoleReviewer {
		t.Errorf("role: %d", res.Code)
	}
	for name, role := range map[string]string{"own": userNumber(mira), "unknown": "999"} {
		if res := admin.post("/users/"+role+"/role", url.Values{"role": {"labeler"}}); res.Code == http.StatusSeeOther {
			t.Errorf("%s role changed", name)
		}
	}
}

func TestChangePassword(t *testing.T) {
	s := newTestSite(t)
	u := s.addUser("ana", db.RoleLabeler)
	b, other := s.signedInAs(u), s.signedInAs(u)
	const fresh = "a fresh long password"
	for name, form := range map[string]url.Values{
		"wrong current": {"current": {"not it at all"}, "password": {fresh}, "again": {fresh}},
		"different":     {"current": {testPassword}, "password": {fresh}, "again": {"another"}},
		"short":         {"current": {testPassword}, "password": {"short"}, "again": {"short"}},
	} {
		if res := b.post("/account/password", form); res.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
	if res := b.post("/account/password", url.Values{"current": {testPassword}, "password": {fresh}, "again": {fresh}}); res.Code != http.StatusSeeOther {
		t.Fatalf("change: %d %s", res.Code, res.Body)
	}
	if b.get("/account").Code != http.StatusOK || other.get("/account").Code != http.StatusSeeOther {
		t.Error("this browser must stay signed in, others must not")
	}
}

func userNumber(u db.User) string { return strconv.FormatInt(u.ID, 10) }
