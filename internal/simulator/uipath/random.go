package uipath

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// randomBytes gives n bytes that nobody has to be unable to guess. n is rounded
// up to a multiple of eight.
func randomBytes(n int) []byte {
	b := make([]byte, 0, n+7)
	for len(b) < n {
		b = binary.BigEndian.AppendUint64(b, rand.Uint64())
	}
	return b
}

// newKey is a random GUID, in lower case.
func newKey() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// isKey reports whether text is a GUID in its usual form.
func isKey(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i := range len(text) {
		switch dash := i == 8 || i == 13 || i == 18 || i == 23; {
		case dash != (text[i] == '-'):
			return false
		case !dash && !isHex(text[i]):
			return false
		}
	}
	return true
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
