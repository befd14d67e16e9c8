package labeler

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"agora/db"

	"golang.org/x/crypto/argon2"
)

// Cost of argon2id: OWASP's recommendation of 19 MiB and two passes (2023).
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes

	minPassword = 10   // characters (NIST SP 800-63B asks for 8 at least)
	maxPassword = 1024 // bytes
)

// HashPassword returns an argon2id hash in PHC format.
func HashPassword(password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails, see crypto/rand
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// checkPassword asks for length only: rules about kinds of characters make
// passwords worse.
func checkPassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return db.Invalid("password", "use at least %d characters", minPassword)
	case len(password) > maxPassword:
		return db.Invalid("password", "that is too long")
	}
	return nil
}

// VerifyPassword tells whether the password made the hash. It takes the same
// time for a missing or broken hash, so that nobody can tell which names exist.
func VerifyPassword(hash, password string) bool {
	h, err := parseHash(hash)
	if err != nil || len(password) > maxPassword {
		argon2.IDKey([]byte("nobody"), make([]byte, argonSalt), argonTime, argonMemory, argonThreads, argonKey)
		return false
	}
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// phcHash is a parsed argon2id hash.
type phcHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// parseHash reads "$argon2id$v=19$m=…,t=…,p=…$salt$key".
func parseHash(text string) (phcHash, error) {
	var h phcHash
	var version int
	parts := splitHash(text)
	if len(parts) != 5 || parts[0] != "argon2id" {
		return h, fmt.Errorf("not an argon2id hash")
	}
	if _, err := fmt.Sscanf(parts[1], "v=%d", &version); err != nil || version != argon2.Version {
		return h, fmt.Errorf("argon2 version %q", parts[1])
	}
	if _, err := fmt.Sscanf(parts[2], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, err
	}
	if h.time < 1 || h.threads < 1 || h.memory > 1<<20 {
		return h, fmt.Errorf("argon2 cost %q", parts[2])
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[3]); err != nil {
		return h, err
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil && len(h.key) < 16 {
		err = fmt.Errorf("argon2 key of %d bytes", len(h.key))
	}
	return h, err
}
