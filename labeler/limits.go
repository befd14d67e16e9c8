package labeler

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// loginLimits slows guessing down, by account and by address: a crowd behind
// one address may sign in, and nobody can try many passwords on one account.
type loginLimits struct {
	accounts, addresses *keyedLimit
}

func newLoginLimits() *loginLimits {
	return &loginLimits{
		accounts:  newKeyedLimit(rate.Every(12*time.Second), 8),
		addresses: newKeyedLimit(rate.Every(2*time.Second), 60),
	}
}

// allow counts one attempt.
func (l *loginLimits) allow(account, address string, now time.Time) bool {
	return l.addresses.allow(address, now) && l.accounts.allow(account, now)
}

// maxKeys bounds the memory; beyond it the idle half is forgotten.
const maxKeys = 10_000

// keyedLimit is a token bucket per key.
type keyedLimit struct {
	mu    sync.Mutex
	every rate.Limit
	burst int
	keys  map[string]*rate.Limiter
}

func newKeyedLimit(every rate.Limit, burst int) *keyedLimit {
	return &keyedLimit{every: every, burst: burst, keys: map[string]*rate.Limiter{}}
}

func (k *keyedLimit) allow(key string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.keys[key]
	if l == nil {
		k.evict(now)
		l = rate.NewLimiter(k.every, k.burst)
		k.keys[key] = l
	}
	return l.AllowN(now, 1)
}

// evict forgets full buckets, which are as good as new ones, when there are
// many, and all of them when that does not help.
func (k *keyedLimit) evict(now time.Time) {
	if len(k.keys) < maxKeys {
		return
	}
	for key, l := range k.keys {
		if l.TokensAt(now) >= float64(k.burst) {
			delete(k.keys, key)
		}
	}
	if len(k.keys) >= maxKeys {
		clear(k.keys)
	}
}
