package authpool

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/queueferry/queueferry/internal/secret"
)

// printSeed is made anew by each process, so that a fingerprint says nothing
// about a secret.
var printSeed = maphash.MakeSeed()

// fingerprint tells whether the files still hold what they held. They are read
// by path: a mounted secret is swapped by moving a symbolic link of a folder
// above them, which neither their names nor a watch on them would show. A file
// that is missing counts as a content of its own.
func fingerprint(paths []string) uint64 {
	var h maphash.Hash
	h.SetSeed(printSeed)
	for _, path := range paths {
		value, err := secret.File(path).Read()
		if err != nil {
			_ = h.WriteByte(0)
			continue
		}
		_ = h.WriteByte(1)
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(value))))
		_, _ = h.WriteString(value)
	}
	return h.Sum64()
}
