package kernel

// packB packs B [k, n] into panels of width columns.
func packB[T Float](width int, out []T, k, n int, b []T, br, bc int) {
	for j := 0; j < n; j += width {
		pack(out[j*k:(j+width)*k], width, min(width, n-j), k, b[j*bc:], bc, br)
	}
}

// pack sets out[p*width+i] to src[i*si+p*sp] for i < have and to zero for the
// other i < width, p < k.
func pack[T Float](out []T, width, have, k int, src []T, si, sp int) {
	if have < width {
		clear(out)
	}
	switch {
	case si == 1 && have <= 8: // too short for a call of copy
		for p := range k {
			o := out[p*width : p*width+have]
			for i, v := range src[p*sp : p*sp+have] {
				o[i] = v
			}
		}
	case si == 1:
		for p := range k {
			copy(out[p*width:p*width+have], src[p*sp:])
		}
	case width == 4 && have == 4 && sp == 1:
		r0, r1, r2, r3 := src[:k], src[si:][:k], src[2*si:][:k], src[3*si:][:k]
		for p := range r0 {
			o := out[4*p : 4*p+4 : 4*p+4]
			o[0], o[1], o[2], o[3] = r0[p], r1[p], r2[p], r3[p]
		}
	default:
		for i := range have {
			row := src[i*si:]
			for p := range k {
				out[p*width+i] = row[p*sp]
			}
		}
	}
}

// copyRows is the portable one of [table].
func copyRows[T Float](out []T, pitch int, src []T, stride, n, rows int) {
	for i := range rows {
		copy(out[i*pitch:i*pitch+n], src[i*stride:])
	}
}
