//go:build !noasm

package kernel

// Vector functions of the AVX2 tier, over n float32 elements; n may be zero.

// laneMasks has eight words of ones and eight of zeros: loads from within give the
// mask of a vector that is partly filled.
var laneMasks = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// expSum32x8 sets dst[i] = exp(x[i]-c) and returns the sum of dst.
//
//go:noescape
func expSum32x8(dst, x *float32, n int, c float32) float32

//go:noescape
func sigmoid32(dst, x *float32, n int)

//go:noescape
func rational32(dst, x *float32, n int, table *[14][8]float32)

// mathAVX2 sets the elementary functions.
func mathAVX2(v *variant) {
	t := &v.f32
	t.exp, t.expSum, t.sigmoid = expAVX, expSumAVX, sigmoidAVX
	t.tanh = func(dst, x []float32) { rationalAVX(dst, x, &tanhTable) }
	t.erf = func(dst, x []float32) { rationalAVX(dst, x, &erfTable) }
}

func expSumAVX(dst, x []float32, c float32) float32 {
	var total float64
	x = x[:len(dst)]
	for len(x) > 0 {
		n := min(len(x), (4 * block))
		total += float64(expSum32x8(&dst[0], &x[0], n, c))
		dst, x = dst[n:], x[n:]
	}
	return float32(total)
}

func expAVX(dst, x []float32) {
	n := len(dst)
	expSum32x8(ptr(dst, n), ptr(x, n), n, 0)
}

func sigmoidAVX(dst, x []float32) {
	n := len(dst)
	sigmoid32(ptr(dst, n), ptr(x, n), n)
}

func rationalAVX(dst, x []float32, table *[14][8]float32) {
	n := len(dst)
	rational32(ptr(dst, n), ptr(x, n), n, table)
}

// Constants of the functions in math.go, in the order in which the assembly
// reads them.
var (
	expTable [12][8]float32

	// The limit, the numerator from degree 13 to 1, the denominator from 8 to
	// 0, and one.
	tanhTable, erfTable [14][8]float32
)

func init() {
	spread(expTable[:], -104.5, 89, log2e, ln2Hi, ln2Lo,
		1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1)
	spread(tanhTable[:], tanhLimit,
		-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
		1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
		0, 1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03, 1)
	spread(erfTable[:], erfLimit,
		-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
		-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
		-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02, 1)
}

func spread(table [][8]float32, values ...float32) {
	for i, v := range values {
		fill(table[i][:], v)
	}
}
