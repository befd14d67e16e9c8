package graph

// Counter-based random numbers: a pure function of (seed, step, stream, position), so that nothing
// depends on the order of evaluation, the batch or the number of threads.

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection on 64 bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const golden = 0x9e3779b97f4a7c15

// Key condenses seed, step and stream into one key for Bits.
func Key(seed, step, stream uint64) uint64 {
	return mix(mix(mix(seed+golden)+step*golden+1) + stream*golden + 2)
}

// Bits returns 64 random bits for a position under a key.
func Bits(key, position uint64) uint64 { return mix(key + (position+1)*golden) }

// Uniform returns a number in [0, 1) with 53 random bits.
func Uniform(key, position uint64) float64 { return float64(Bits(key, position)>>11) / (1 << 53) }

// SampleUniform is the number in [0, 1) with which Sample draws the token of a stream at a position.
func SampleUniform(seed uint64, stream, pos int32) float64 {
	return Uniform(Key(seed, 0, 1<<32|uint64(uint32(stream))), uint64(uint32(pos)))
}

// DropThreshold turns a rate into the number of 65536ths that are dropped.
func DropThreshold(rate float64) uint32 { return uint32(rate*65536 + .5) }

// Kept reports whether Dropout keeps element i: 16 of the 64 bits that four neighbours share.
func Kept(key uint64, i int, threshold uint32) bool {
	return uint32(Bits(key, uint64(i)>>2)>>(16*(uint(i)&3)))&0xffff >= threshold
}

// DropKey is the key of a Dropout site.
func DropKey(seed, step uint64, site int) uint64 { return Key(seed, step, uint64(site)) }
