package tensor

// CumSum returns the sums of the elements up to and including each one along
// axis.
func CumSum(t *Tensor, axis int) *Tensor { return scan("cumsum", t, axis, false) }

// CumSumReverse returns the sums of the elements from each one on to the end
// along axis: the gradient of CumSum.
func CumSumReverse(t *Tensor, axis int) *Tensor { return scan("cumsum reverse", t, axis, true) }

func scan(op string, t *Tensor, axis int, reverse bool) *Tensor {
	floats(op, t)
	axis = t.Axis(op, axis)
	y := Like(t.dt, t.dims(), t)
	c := t.Contiguous()
	if t.dt == Float32 {
		scanOf(Data[float32](y), Data[float32](c), span(c, axis), reverse)
	} else {
		scanOf(Data[float64](y), Data[float64](c), span(c, axis), reverse)
	}
	drop(c, t)
	return y
}

func scanOf[T Float](y, x []T, b block, reverse bool) {
	first, step := 0, b.inner
	if reverse {
		first, step = (b.n-1)*b.inner, -b.inner
	}
	b.columns(func(o, lo, hi int) {
		base := o*b.n*b.inner + first
		if b.inner == 1 {
			var sum float64
			for r := range b.n {
				sum += float64(x[base+r*step])
				y[base+r*step] = T(sum)
			}
			return
		}
		for r := range b.n {
			at := base + r*step
			if r == 0 {
				copy(y[at+lo:at+hi], x[at+lo:at+hi])
				continue
			}
			d, s, last := y[at+lo:at+hi], x[at+lo:at+hi], y[at-step+lo:at-step+hi]
			for i := range d {
				d[i] = last[i] + s[i]
			}
		}
	})
}
