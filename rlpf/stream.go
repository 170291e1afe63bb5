package rlpf

import (
	"hash/fnv"
	"math/rand/v2"
)

// stream returns the source of randomness of the given name, so that what one
// part draws does not change another's.
func stream(seed uint64, name string) *rand.PCG {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.NewPCG(seed, h.Sum64())
}
