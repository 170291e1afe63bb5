package kernel

import "fmt"

// form tells how the operands of a binary kernel broadcast.
type form int

const (
	vecVec form = iota
	vecScalar
	scalarVec
	scalarScalar
)

// formOf panics if a or b has neither dst's length nor length one.
func formOf[T Float](dst, a, b []T) form {
	n := len(dst)
	switch {
	case len(a) == n && len(b) == n:
		return vecVec
	case len(a) == n && len(b) == 1:
		return vecScalar
	case len(a) == 1 && len(b) == n:
		return scalarVec
	case len(a) == 1 && len(b) == 1:
		return scalarScalar
	}
	panic(fmt.Sprintf("kernel: operands of %d and %d elements do not fit a result of %d", len(a), len(b), n))
}

func fill[T Float](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// Add sets dst[i] = a[i] + b[i]. An operand of one element is broadcast; dst
// may alias either. The other binary kernels follow the same rules.
func Add[T Float](dst, a, b []T) {
	t := tableOf[T]()
	switch formOf(dst, a, b) {
	case vecVec:
		t.add(dst, a, b)
	case vecScalar:
		t.addScalar(dst, a, b[0])
	case scalarVec:
		t.addScalar(dst, b, a[0])
	case scalarScalar:
		fill(dst, a[0]+b[0])
	}
}

// Sub sets dst[i] = a[i] - b[i].
func Sub[T Float](dst, a, b []T) {
	t := tableOf[T]()
	switch formOf(dst, a, b) {
	case vecVec:
		t.sub(dst, a, b)
	case vecScalar:
		t.addScalar(dst, a, -b[0])
	case scalarVec:
		t.scalarSub(dst, b, a[0])
	case scalarScalar:
		fill(dst, a[0]-b[0])
	}
}

// Mul sets dst[i] = a[i] * b[i].
func Mul[T Float](dst, a, b []T) {
	t := tableOf[T]()
	switch formOf(dst, a, b) {
	case vecVec:
		t.mul(dst, a, b)
	case vecScalar:
		t.scale(dst, a, b[0])
	case scalarVec:
		t.scale(dst, b, a[0])
	case scalarScalar:
		fill(dst, a[0]*b[0])
	}
}

// Div sets dst[i] = a[i] / b[i].
func Div[T Float](dst, a, b []T) {
	t := tableOf[T]()
	switch formOf(dst, a, b) {
	case vecVec:
		t.div(dst, a, b)
	case vecScalar:
		t.divScalar(dst, a, b[0])
	case scalarVec:
		t.scalarDiv(dst, b, a[0])
	case scalarScalar:
		fill(dst, a[0]/b[0])
	}
}

// Max sets dst[i] to the larger of a[i] and b[i]; NaN wins over any number.
func Max[T Float](dst, a, b []T) {
	t := tableOf[T]()
	switch formOf(dst, a, b) {
	case vecVec:
		t.max(dst, a, b)
	case vecScalar:
		t.maxScalar(dst, a, b[0])
	case scalarVec:
		t.maxScalar(dst, b, a[0])
	case scalarScalar:
		fill(dst, max(a[0], b[0]))
	}
}

// Min sets dst[i] to the smaller of a[i] and b[i]; NaN wins over any number.
func Min[T Float](dst, a, b []T) {
	t := tableOf[T]()
	switch formOf(dst, a, b) {
	case vecVec:
		t.min(dst, a, b)
	case vecScalar:
		t.minScalar(dst, a, b[0])
	case scalarVec:
		t.minScalar(dst, b, a[0])
	case scalarScalar:
		fill(dst, min(a[0], b[0]))
	}
}

// AddScaled adds c*x[i] to dst[i].
func AddScaled[T Float](dst, x []T, c T) { tableOf[T]().addScaled(dst, x, c) }

func addScaled[T Float](dst, x []T, c T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += T(c * x[i]) // not fused: see gemm_micro.go
	}
}

// Scale sets dst[i] = c*x[i]; dst may alias x.
func Scale[T Float](dst, x []T, c T) { tableOf[T]().scale(dst, x, c) }

func scale[T Float](dst, x []T, c T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = c * x[i]
	}
}
