package optim

import (
	"math"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/tensor"
)

// factored is Adafactor's update of matrices of rows×cols weights w, one after
// the other, whose second moments are r·c/mean(r). It reads the gradients g
// three times and writes nothing but the weights: g·down·across is their
// update.
type factored[T tensor.Float] struct {
	w, g, r, c []T
	rows, cols int
	down       []float64 // √(mean(r)/r), times the gradients' scale, of every row
	across     []T       // 1/√c of every column

	// A matrix is worked on in bands of rows, each with sums of its own.
	band, bands int       // rows of a band, bands of a matrix
	colSums     []T       // of every band
	squareSums  []float64 // of every band
}

// factoredOf returns the work for p that its slot keeps from step to step.
func factoredOf[T tensor.Float](s *slot, rows, cols int) *factored[T] {
	f := workOf[factored[T]](s)
	if f.rows == rows && f.cols == cols {
		return f
	}
	const most = 32
	*f = factored[T]{
		r: tensor.Data[T](s.tensors[0]), c: tensor.Data[T](s.tensors[1]),
		rows: rows, cols: cols, band: max(1, grain/cols, (rows+most-1)/most),
	}
	f.bands = (rows + f.band - 1) / f.band
	f.down, f.across = make([]float64, len(f.r)), make([]T, len(f.c))
	all := len(f.r) / rows * f.bands
	f.colSums, f.squareSums = make([]T, all*cols), make([]float64, all)
	return f
}

// each calls body for every band: its number, its matrix and its rows, counted
// through all matrices.
func (f *factored[T]) each(body func(band, matrix, lo, hi int)) {
	parallel.For(len(f.squareSums), 1, func(from, to int) {
		for i := from; i < to; i++ {
			m, lo := i/f.bands, i%f.bands*f.band
			body(i, m, m*f.rows+lo, m*f.rows+min(lo+f.band, f.rows))
		}
	})
}

// moments moves r and c on by the squares of the gradients, and sets down and
// across.
func (f *factored[T]) moments(beta, scale float64) {
	cols := f.cols
	f.each(func(band, _, lo, hi int) {
		sums := f.colSums[band*cols:][:cols]
		clear(sums)
		for i := lo; i < hi; i++ {
			sum := float64(kernel.AddSquares(sums, f.g[i*cols:][:cols]))
			f.r[i] = moved(f.r[i], beta, sum*scale*scale/float64(cols))
		}
	})
	parallel.For(len(f.c), 256, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			sum := 0.0
			for b := range f.bands {
				sum += float64(f.colSums[(j/cols*f.bands+b)*cols+j%cols])
			}
			f.c[j] = moved(f.c[j], beta, sum*scale*scale/float64(f.rows))
			f.across[j] = T(1 / math.Sqrt(float64(f.c[j])))
		}
	})
	for m := range len(f.r) / f.rows {
		r, mean := f.r[m*f.rows:][:f.rows], 0.0
		for _, v := range r {
			mean += float64(v)
		}
		mean /= float64(f.rows)
		for i, v := range r {
			f.down[m*f.rows+i] = scale * math.Sqrt(mean/float64(v))
		}
	}
}

// moved is the second moment v after a step whose mean square is sq.
func moved[T tensor.Float](v T, beta, sq float64) T {
	return T(beta*float64(v) + (1-beta)*(sq+adafactorEps1))
}

// squares returns the sum of the updates' squares.
func (f *factored[T]) squares() float64 {
	cols := f.cols
	f.each(func(band, m, lo, hi int) {
		sum := 0.0
		for i := lo; i < hi; i++ {
			sum += f.down[i] * f.down[i] * float64(kernel.DotSquares(f.g[i*cols:][:cols], f.across[m*cols:][:cols]))
		}
		f.squareSums[band] = sum
	})
	sum := 0.0
	for _, s := range f.squareSums {
		sum += s
	}
	return sum
}

// update sets w = keep·w - step·g·down·across.
func (f *factored[T]) update(keep, step float64) {
	cols := f.cols
	f.each(func(_, m, lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel.MixMul(f.w[i*cols:][:cols], f.g[i*cols:][:cols], f.across[m*cols:][:cols], T(keep), T(-step*f.down[i]))
		}
	})
}
