package tokenizer

// Byte-level BPE writes its vocabulary as text: every byte is shown as one printable rune
// (Radford et al. 2019, "bytes_to_unicode" of the GPT-2 release). Bytes that print in Latin-1
// stand for themselves, the other 68 are moved to U+0100 and up in byte order: the space is Ġ.

// byteRune maps a byte to the rune that stands for it; byteOrder lists the bytes in the order of
// their GPT-2 ids: the printable ones first, then the moved ones.
var byteRune, byteOrder = makeByteRunes()

// runeByte is the inverse of byteRune for runes below U+0144; -1 where no byte is meant.
var runeByte = makeRuneBytes()

func makeByteRunes() (runes [256]rune, order [256]byte) {
	n := 0
	for b := range 256 {
		if printsItself(b) {
			runes[b], order[n] = rune(b), byte(b)
			n++
		}
	}
	for b, moved := 0, rune(0x100); b < 256; b++ {
		if !printsItself(b) {
			runes[b], order[n] = moved, byte(b)
			moved++
			n++
		}
	}
	return runes, order
}

func printsItself(b int) bool {
	return '!' <= b && b <= '~' || 0xA1 <= b && b <= 0xAC || 0xAE <= b
}

func makeRuneBytes() (table [0x144]int16) {
	for i := range table {
		table[i] = -1
	}
	for b, r := range byteRune {
		table[r] = int16(b)
	}
	return table
}

// toVisible writes raw bytes as vocabulary text: "Ġthe" for " the".
func toVisible(raw string) string {
	out := make([]rune, len(raw))
	for i := range len(raw) {
		out[i] = byteRune[raw[i]]
	}
	return string(out)
}

// fromVisible reads vocabulary text back to raw bytes; ok is false when a rune stands for no byte.
func fromVisible(text string) (raw string, ok bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if int(r) >= len(runeByte) || runeByte[r] < 0 {
			return "", false
		}
		out = append(out, byte(runeByte[r]))
	}
	return string(out), true
}
