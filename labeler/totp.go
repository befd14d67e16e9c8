package labeler

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"agora/views"

	"github.com/boombuler/barcode/qr"
)

// Time-based one-time passwords (RFC 6238) as authenticator apps take them
// without being told otherwise: HMAC-SHA-1, six digits, steps of 30 seconds.
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpSecret = 20 // bytes, the length of a SHA-1 (RFC 4226, section 4)
	totpSlack  = 1  // steps that a clock may be off, either way

	recoveryCodes = 10
)

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

// newSecret is a random secret in base32.
func newSecret() string {
	b := make([]byte, totpSecret)
	rand.Read(b) // never fails, see crypto/rand
	return base32Plain.EncodeToString(b)
}

// hotp is the code of a counter (RFC 4226, section 5.3), with digits of them.
func hotp(secret []byte, counter int64, digits int) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, counter) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	mod := uint32(1)
	for range digits {
		mod *= 10
	}
	return fmt.Sprintf("%0*d", digits, n%mod)
}

// matchTOTP returns the step that a code belongs to, of those around now.
// Which one is right takes the same time for all.
func matchTOTP(secret, code string, now time.Time) (step int64, ok bool) {
	key, err := base32Plain.DecodeString(secret)
	if err != nil || len(code) != totpDigits {
		return 0, false
	}
	middle := now.Unix() / int64(totpStep/time.Second)
	for s := middle - totpSlack; s <= middle+totpSlack; s++ {
		if subtle.ConstantTimeCompare([]byte(hotp(key, s, totpDigits)), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// totpAddress is what an authenticator app reads from the picture.
func totpAddress(site, name, secret string) string {
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + site + ":" + name}
	u.RawQuery = strings.ReplaceAll(url.Values{"secret": {secret}, "issuer": {site}}.Encode(), "+", "%20")
	return u.String()
}

// newRecoveryCodes are random codes of 50 bits in two groups of five.
func newRecoveryCodes() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		text := rand.Text()
		codes[i] = text[:5] + "-" + text[5:10]
	}
	return codes
}

// tidyCode is a code as it was meant: without the spaces and dashes people type.
func tidyCode(text string) string {
	code := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(text))
	if len(code) == 10 {
		return code[:5] + "-" + code[5:]
	}
	return code
}

// qrOf draws a text as a QR code.
func qrOf(text string) (views.QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return views.QR{}, fmt.Errorf("draw QR code: %w", err)
	}
	size := code.Bounds().Dx()
	v := views.QR{Size: size}
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				v.Dark = append(v.Dark, [2]int{x, y})
			}
		}
	}
	return v, nil
}
