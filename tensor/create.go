package tensor

import (
	"fmt"
	"math/rand/v2"
)

// Full returns a heap tensor whose elements are all v.
func Full(dt DType, v float64, shape ...int) *Tensor {
	t := New(dt, shape...)
	Fill(t, v)
	return t
}

// Arange returns the heap tensor 0, 1, …, n-1.
func Arange(dt DType, n int) *Tensor {
	t := New(Float64, n)
	for i, d := 0, Data[float64](t); i < n; i++ {
		d[i] = float64(i)
	}
	return t.Cast(dt)
}

// Eye returns the identity matrix [n, n] on the heap.
func Eye(dt DType, n int) *Tensor {
	t := New(dt, n, n)
	diagonal := *t
	diagonal.rank, diagonal.shape[0], diagonal.stride[0] = 1, n, n+1
	Fill(&diagonal, 1)
	return t
}

// Uniform returns a heap tensor of float32 or float64 drawn from r, uniform in
// [lo, hi). It panics with *ShapeError if hi < lo.
func Uniform(r *rand.PCG, dt DType, lo, hi float64, shape ...int) *Tensor {
	if !(lo <= hi) {
		Fail("uniform", fmt.Sprintf("no numbers in [%v, %v)", lo, hi))
	}
	if dt == Float32 {
		lo, hi = float64(float32(lo)), float64(float32(hi))
	}
	g := rand.New(r)
	return draw("uniform", dt, shape, func() float64 {
		for {
			v := lo + (hi-lo)*g.Float64()
			if dt == Float32 {
				v = float64(float32(v))
			}
			if v < hi || lo == hi { // rounding can reach hi
				return v
			}
		}
	})
}

// Normal returns a heap tensor of float32 or float64 drawn from r, normal with
// mean 0 and standard deviation std.
func Normal(r *rand.PCG, dt DType, std float64, shape ...int) *Tensor {
	g := rand.New(r)
	return draw("normal", dt, shape, func() float64 { return std * g.NormFloat64() })
}

// draw fills a tensor in row-major order.
func draw(op string, dt DType, shape []int, next func() float64) *Tensor {
	t := New(dt, shape...)
	floats(op, t)
	if dt == Float32 {
		d := Data[float32](t)
		for i := range d {
			d[i] = float32(next())
		}
	} else {
		d := Data[float64](t)
		for i := range d {
			d[i] = next()
		}
	}
	return t
}
