package tensor

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
)

// Sum returns the sum over the given axes, which are removed; over all of
// them, to rank 0, if none is given. The sum of nothing is 0. It panics with
// *ShapeError on an axis that is missing or named twice.
func Sum(t *Tensor, axes ...int) *Tensor {
	return sumAxes("sum", t, axes)
}

// Mean returns the mean over the given axes, as Sum does; NaN over nothing.
func Mean(t *Tensor, axes ...int) *Tensor {
	y := sumAxes("mean", t, axes)
	n := 1
	for i, reduced := range axisSet("mean", t, axes) {
		if reduced {
			n *= t.shape[i]
		}
	}
	if t.dt == Float32 {
		divide(Data[float32](y), float32(n))
	} else {
		divide(Data[float64](y), float64(n))
	}
	return y
}

func divide[T Float](x []T, n T) {
	for i := range x {
		x[i] /= n
	}
}

// SumTo returns t summed over the dimensions in which shape, broadcast to t's,
// was repeated: the gradient of Expand. The result is a new tensor even if
// nothing is summed. It panics with *ShapeError if shape does not broadcast to
// t's.
func SumTo(t *Tensor, shape ...int) *Tensor {
	const op = "sum to"
	floats(op, t)
	lead := int(t.rank) - len(shape)
	if lead < 0 {
		Fail(op, fmt.Sprintf("%v does not broadcast to", append([]int(nil), shape...)), t)
	}
	var reduced [MaxRank]bool
	for i, d := range t.dims() {
		if i < lead {
			reduced[i] = true
		} else if s := shape[i-lead]; s == 1 {
			reduced[i] = true
		} else if s != d {
			Fail(op, fmt.Sprintf("%v does not broadcast to", append([]int(nil), shape...)), t)
		}
	}
	y := Like(t.dt, shape, t)
	sumInto(y, t, reduced)
	return y
}

func sumAxes(op string, t *Tensor, axes []int) *Tensor {
	floats(op, t)
	reduced := axisSet(op, t, axes)
	var kept [MaxRank]int
	n := 0
	for i, d := range t.dims() {
		if !reduced[i] {
			kept[n] = d
			n++
		}
	}
	y := Like(t.dt, kept[:n], t)
	sumInto(y, t, reduced)
	return y
}

// axisSet marks the axes, all of t's if none is given.
func axisSet(op string, t *Tensor, axes []int) (set [MaxRank]bool) {
	for _, a := range axes {
		a = t.Axis(op, a)
		if set[a] {
			Fail(op, fmt.Sprintf("axis %d is named twice", a), t)
		}
		set[a] = true
	}
	if len(axes) == 0 {
		for i := range t.dims() {
			set[i] = true
		}
	}
	return set
}

// floats panics unless t is live and of a type that computes.
func floats(op string, t *Tensor) {
	t.check(op)
	if !t.dt.IsFloat() {
		Fail(op, fmt.Sprintf("needs float32 or float64, not %v", t.dt), t)
	}
}

// dense returns t, or a contiguous copy of it that drop releases at once.
func dense(t *Tensor) *Tensor { return t.Contiguous() }

// drop releases a temporary if it is not t itself.
func drop(temp, t *Tensor) {
	if temp != t && temp.st.arena != nil {
		temp.st.arena.Free(temp)
	}
}

// sumInto writes t summed over the reduced dimensions to the contiguous y.
func sumInto(y, t *Tensor, reduced [MaxRank]bool) {
	c := t.Contiguous()
	if t.dt == Float32 {
		sumGroups[float32](y, c, reduced)
	} else {
		sumGroups[float64](y, c, reduced)
	}
	drop(c, t)
}

// sumGroups merges neighbouring dimensions that are all kept or all reduced,
// and sums one reduced group at a time, the last first.
func sumGroups[T Float](y, c *Tensor, reduced [MaxRank]bool) {
	var size [MaxRank]int
	var sum [MaxRank]bool
	n := 0
	for i, d := range c.dims() {
		if d == 1 {
			continue
		}
		if n > 0 && sum[n-1] == reduced[i] {
			size[n-1] *= d
			continue
		}
		size[n], sum[n] = d, reduced[i]
		n++
	}
	inner, x := 1, c
	for n > 0 {
		n--
		if !sum[n] {
			inner *= size[n]
			continue
		}
		outer, more := 1, false
		for i, d := range size[:n] {
			outer *= d
			more = more || sum[i]
		}
		dst := y
		if more {
			dst = Like(y.dt, []int{outer, inner}, y)
		}
		sumMiddle(Data[T](dst), Data[T](x), outer, size[n], inner, size[n]*inner, y)
		drop(x, c)
		x = dst
	}
	if x != y { // nothing was summed
		copy(Data[T](y), Data[T](x))
	}
}

const (
	sumChunk = 1 << 14 // elements of a row that one core sums
	sumRows  = 64      // rows added one after another before partial sums join
	sumWide  = 64      // rows shorter than this are added several at a time
)

// sumMiddle sets dst[o, i] to the sum of x[o·stride + r·inner + i] over r < n.
// Long sums are cut into pieces by size alone and the pieces' sums added in
// order, which also keeps the rounding error small. like places temporaries.
func sumMiddle[T Float](dst, x []T, outer, n, inner, stride int, like *Tensor) {
	switch {
	case outer == 0 || inner == 0:
	case n == 0:
		clear(dst)
	case inner == 1 && n <= 2*sumChunk:
		parallel.For(outer, max(1, grain/n), func(lo, hi int) {
			for o := lo; o < hi; o++ {
				dst[o] = kernel.Sum(x[o*stride : o*stride+n])
			}
		})
	case inner == 1:
		pieces := (n + sumChunk - 1) / sumChunk
		part := Like(like.dt, []int{outer, pieces}, like)
		p := Data[T](part)
		parallel.For(outer*pieces, 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				from := i % pieces * sumChunk
				row := x[i/pieces*stride:]
				p[i] = kernel.Sum(row[from:min(from+sumChunk, n)])
			}
		})
		sumMiddle(dst, p, outer, pieces, 1, pieces, like)
		drop(part, like)
	case inner < sumWide && n*inner >= 4*sumWide:
		// Several short rows are one long row; what is left over is added last.
		fold := (sumWide + inner - 1) / inner
		part := Like(like.dt, []int{outer, fold, inner}, like)
		p := Data[T](part)
		sumMiddle(p, x, outer, n/fold, fold*inner, stride, like)
		for o := range outer {
			d := dst[o*inner : (o+1)*inner]
			addShort(d, p[o*fold*inner:(o+1)*fold*inner], true)
			addShort(d, x[o*stride+n/fold*fold*inner:o*stride+n*inner], false)
		}
		drop(part, like)
	case n <= 2*sumRows:
		sumColumns(dst, x, outer, n, n, inner, stride)
	default:
		pieces := (n + sumRows - 1) / sumRows
		part := Like(like.dt, []int{outer, pieces, inner}, like)
		p := Data[T](part)
		sumColumns(p, x, outer, n, sumRows, inner, stride)
		sumMiddle(dst, p, outer, pieces, inner, pieces*inner, like)
		drop(part, like)
	}
}

// sumColumns sets row i of dst to the sum of the i-th piece of at most rows
// rows of x, n rows to each of outer.
func sumColumns[T Float](dst, x []T, outer, n, rows, inner, stride int) {
	const width = 2048 // columns at a time, so that the sum stays in cache
	pieces, cuts := (n+rows-1)/rows, (inner+width-1)/width
	perCut := max(1, rows*min(inner, width))
	parallel.For(outer*pieces*cuts, max(1, grain/perCut), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			piece, from := i/cuts, i%cuts*width
			to := min(from+width, inner)
			r := piece % pieces * rows
			end := min(r+rows, n)
			src := x[piece/pieces*stride:]
			d := dst[piece*inner+from : piece*inner+to]
			if inner < sumWide {
				addShort(d, src[r*inner:end*inner], true)
				continue
			}
			if end-r == 1 {
				copy(d, src[r*inner+from:])
				continue
			}
			clear(d)
			kernel.SumRows(d, src[r*inner+from:], inner, end-r)
		}
	})
}

// addShort adds the rows of x, each as long as d, to d, or sets d to their sum.
func addShort[T Float](d, x []T, set bool) {
	if set {
		clear(d)
	}
	for ; len(x) > 0; x = x[len(d):] {
		for i, v := range x[:len(d)] {
			d[i] += v
		}
	}
}
