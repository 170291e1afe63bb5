//go:build !noasm

package kernel

// accelerated returns the NEON variant, which every arm64 machine runs.
func accelerated() []variant {
	v := portableVariant("neon")
	gemmNEON(&v)
	vectorNEON(&v)
	normNEON(&v)
	updateNEON(&v)
	ropeNEON(&v)
	dropoutNEON(&v)
	narrowNEON(&v)
	attentionNEON(&v)
	return []variant{v}
}
