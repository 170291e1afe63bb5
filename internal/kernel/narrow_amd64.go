//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

func narrowAVX2(v *variant) {
	if !cpu.X86.HasF16C {
		return
	}
	v.stored[BFloat16].dots = halfTiles(8, FromBFloat16, dotsBF16AVX2x1, dotsBF16AVX2x2)
	v.stored[Float16].dots = halfTiles(8, FromFloat16, dotsF16AVX2x1, dotsF16AVX2x2)
	v.stored[Q8].dots = q8Tiles(dotsQ8AVX2x1, dotsQ8AVX2x2)
	v.stored[Q8].quantise = quantiseBy(quantiseQ8AVX2)
	v.stored[BFloat16].widen = widenVectors(8, widenBF16AVX2, widenHalf(FromBFloat16))
	v.stored[Float16].widen = widenVectors(8, widenF16AVX2, widenHalf(FromFloat16))
	v.stored[Q8].widen = widenBlocks(widenQ8AVX2)
}

func narrowAVX512(v *variant) {
	v.stored[BFloat16].dots = halfTiles(16, FromBFloat16, dotsBF16AVX512x1, dotsBF16AVX512x2, dotsBF16AVX512x3, dotsBF16AVX512x4)
	v.stored[Float16].dots = halfTiles(16, FromFloat16, dotsF16AVX512x1, dotsF16AVX512x2, dotsF16AVX512x3, dotsF16AVX512x4)
	v.stored[BFloat16].widen = widenVectors(16, widenBF16AVX512, widenHalf(FromBFloat16))
	v.stored[Float16].widen = widenVectors(16, widenF16AVX512, widenHalf(FromFloat16))
	v.stored[Q8].widen = widenBlocks(widenQ8AVX512)
	if cpu.X86.HasAVX512VNNI && cpu.X86.HasF16C {
		v.stored[Q8].dots = q8Tiles(dotsQ8VNNIx1, dotsQ8VNNIx2)
	}
}
