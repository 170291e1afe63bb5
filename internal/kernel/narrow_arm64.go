//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

func narrowNEON(v *variant) {
	v.stored[BFloat16].dots = halfTiles(4, FromBFloat16, dotsBF16NEONx1, dotsBF16NEONx2, dotsBF16NEONx3, dotsBF16NEONx4)
	v.stored[Float16].dots = halfTiles(4, FromFloat16, dotsF16NEONx1, dotsF16NEONx2, dotsF16NEONx3, dotsF16NEONx4)
	v.stored[Q8].dots = q8Tiles(dotsQ8NEONx1, dotsQ8NEONx2)
	v.stored[Q8].quantise = quantiseBy(quantiseQ8NEON)
	v.stored[BFloat16].widen = widenVectors(4, widenBF16NEON, widenHalf(FromBFloat16))
	v.stored[Float16].widen = widenVectors(4, widenF16NEON, widenHalf(FromFloat16))
	v.stored[Q8].widen = widenBlocks(widenQ8NEON)
	if cpu.ARM64.HasASIMDDP { // of the same bits
		v.stored[Q8].dots = q8Tiles(dotsQ8DotProdx1, dotsQ8DotProdx2)
	}
}
