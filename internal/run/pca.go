package run

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// PCA2 projects rows, [n][d] with d the same for all, onto their first two
// principal components, [n][2], each turned so that its largest loading is
// positive. A row that is not finite gives NaN; with fewer than two
// dimensions or three finite rows the missing coordinates are 0. It panics on
// rows of different lengths.
func PCA2(rows [][]float64) [][2]float64 {
	out := make([][2]float64, len(rows))
	var kept []int
	big := 0.0
	for i, r := range rows {
		if len(r) != len(rows[0]) {
			panic("run.PCA2: rows have different lengths")
		}
		out[i] = [2]float64{math.NaN(), math.NaN()}
		ok := true
		for _, v := range r {
			ok = ok && isFinite(v)
		}
		if ok {
			kept = append(kept, i)
			out[i] = [2]float64{}
			for _, v := range r {
				big = max(big, math.Abs(v))
			}
		}
	}
	if len(kept) < 2 || len(rows[0]) == 0 || big == 0 {
		return out
	}
	d := len(rows[0])
	x := mat.NewDense(len(kept), d, nil)
	for k, i := range kept {
		for j, v := range rows[i] {
			x.Set(k, j, v/big) // squares of large numbers must not overflow
		}
	}
	for j := range d {
		mean := stat.Mean(mat.Col(nil, j, x), nil)
		for k := range kept {
			x.Set(k, j, x.At(k, j)-mean)
		}
	}
	var cov mat.SymDense
	cov.SymOuterK(1/float64(len(kept)-1), x.T())
	var e mat.EigenSym
	if !e.Factorize(&cov, true) {
		return out
	}
	var vectors mat.Dense
	e.VectorsTo(&vectors) // eigenvalues ascend
	for c := range min(2, d) {
		v := mat.Col(nil, d-1-c, &vectors)
		top := 0
		for j := range v {
			if math.Abs(v[j]) > math.Abs(v[top]) {
				top = j
			}
		}
		sign := math.Copysign(big, v[top])
		for k, i := range kept {
			out[i][c] = sign * mat.Dot(x.RowView(k), mat.NewVecDense(d, v))
		}
	}
	return out
}
