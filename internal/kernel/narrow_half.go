package kernel

import (
	"math"
	"unsafe"
)

// FromBFloat16 returns the value of a bfloat16.
func FromBFloat16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBFloat16 rounds f to the nearest bfloat16, ties to even.
func ToBFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x40 // keep a NaN a NaN
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromFloat16 returns the value of a float16.
func FromFloat16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac · 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// ToFloat16 rounds f to the nearest float16, ties to even.
func ToFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	abs := b &^ (1 << 31)
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00 | uint16(abs>>13&0x1ff)
	case abs >= 0x47800000: // 2^16 and above
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		v := float64(math.Float32frombits(abs)) * (1 << 24)
		return sign | uint16(math.RoundToEven(v))
	}
	abs += 0xfff + abs>>13&1
	return sign | uint16((abs-0x38000000)>>13)
}

// halves returns the 16-bit values that b, whose address is even, holds.
func halves(b []byte) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/2)
}

func widenHalf(from func(uint16) float32) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		for i, b := range halves(src)[:len(dst)] {
			dst[i] = from(b)
		}
	}
}

func narrowHalf(to func(float32) uint16) func(dst []byte, src []float32) {
	return func(dst []byte, src []float32) {
		d := halves(dst)[:len(src)]
		for i, v := range src {
			d[i] = to(v)
		}
	}
}

func dotsHalf(from func(uint16) float32) func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
	return func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
		buf := grab[float32](k)
		defer buf.drop()
		for j := range n {
			for p, b := range halves(w[j*ldw:])[:k] {
				buf.s[p] = from(b)
			}
			for i := range m {
				out[i*ldo+j] = active.f32.dot(x[i*ldx:i*ldx+k], buf.s)
			}
		}
	}
}
