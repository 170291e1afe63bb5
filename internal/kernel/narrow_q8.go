package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// A block of Q8 is a float16 scale and 32 int8, of which value i is the
// product of the scale and the i-th: GGUF's block_q8_0, little-endian.
const (
	q8Values = 32
	q8Bytes  = 2 + q8Values
)

// A block of a quantised row of x is a float32 scale and 32 int8, in words of
// 32 bits.
const q8Row = 1 + q8Values/4

func widenQ8(dst []float32, src []byte) {
	for len(dst) > 0 {
		d := FromFloat16(binary.LittleEndian.Uint16(src))
		for i, q := range src[2:q8Bytes] {
			dst[i] = d * float32(int8(q))
		}
		dst, src = dst[q8Values:], src[q8Bytes:]
	}
}

// narrowQ8 rounds as GGUF's reference does, half away from zero, by the
// largest magnitude of a block; a block with a value that is not finite has a
// scale that is not, and then all of it is not.
func narrowQ8(dst []byte, src []float32) {
	for len(src) > 0 {
		d, inverse := scaleQ8(src[:q8Values])
		binary.LittleEndian.PutUint16(dst, ToFloat16(d))
		for i, v := range src[:q8Values] {
			dst[2+i] = byte(int8(math.Round(float64(min(max(v*inverse, -127), 127)))))
			if v-v != 0 {
				dst[2+i] = 1
			}
		}
		dst, src = dst[q8Bytes:], src[q8Values:]
	}
}

// scaleQ8 returns the scale that maps x to [-127, 127] and its inverse, which
// is 0 where it would not be finite.
func scaleQ8(x []float32) (d, inverse float32) {
	top := uint32(0) // as bits NaN is the largest magnitude, then infinity
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	d = math.Float32frombits(top) * (1.0 / 127)
	inverse = 127 / math.Float32frombits(top)
	if !(inverse <= math.MaxFloat32) {
		inverse = 0
	}
	return d, inverse
}

// quantiseQ8 writes a row of x as [stored.dots] of Q8 takes it: rounded to
// even within ±127, by the largest magnitude of a block.
func quantiseQ8(dst, src []float32) {
	for len(src) > 0 {
		d, inverse := scaleQ8(src[:q8Values])
		dst[0] = d
		q := int8s(dst[1:q8Row])
		for i, v := range src[:q8Values] {
			v *= inverse
			if v != v {
				v = -128 // as a vector conversion has it
			}
			q[i] = int8(math.RoundToEven(float64(v)))
		}
		dst, src = dst[q8Row:], src[q8Values:]
	}
}

// int8s returns the bytes of words.
func int8s(words []float32) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(words))), 4*len(words))
}

func dotsQ8(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
	for j := range n {
		for i := range m {
			row, words := w[j*ldw:], x[i*ldx:]
			var sum float32
			for range k / q8Values {
				q, dot := int8s(words[1:q8Row]), int32(0)
				for p, b := range row[2:q8Bytes] {
					dot += int32(int8(b)) * int32(q[p])
				}
				sum += float32(dot) * (FromFloat16(binary.LittleEndian.Uint16(row)) * words[0])
				row, words = row[q8Bytes:], words[q8Row:]
			}
			out[i*ldo+j] = sum
		}
	}
}
