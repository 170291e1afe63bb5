package rl

import (
	"math"

	"github.com/noema-ml/noema/tensor"
)

// Running is the mean and variance of all rows that it was shown, updated a
// batch at a time without going back to old ones (Chan, Golub and LeVeque
// 1979, "Updating formulae and a pairwise algorithm for computing sample
// variances", equation 2.1):
//
//	δ = mean_b - mean,  n' = n + n_b
//	mean += δ·n_b/n',  M₂ += M₂_b + δ²·n·n_b/n'
//
// Its fields are buffers of a module, saved with the weights.
type Running struct {
	Mean  *tensor.Tensor // [dim], float64
	Var   *tensor.Tensor // [dim], float64: M₂/n, the population's
	Count *tensor.Tensor // [1], float64
}

// NewRunning returns statistics of rows of dim numbers, of which there are
// none yet.
func NewRunning(dim int) *Running {
	return &Running{tensor.New(tensor.Float64, dim), tensor.New(tensor.Float64, dim), tensor.New(tensor.Float64, 1)}
}

// Update takes in the rows of x: [rows, dim].
func (r *Running) Update(x []float64) {
	mean, variance, count := tensor.Data[float64](r.Mean), tensor.Data[float64](r.Var), tensor.Data[float64](r.Count)
	dim := len(mean)
	n, m := count[0], float64(len(x)/dim)
	if m == 0 {
		return
	}
	for j := range dim {
		sum, square := 0.0, 0.0
		for i := j; i < len(x); i += dim {
			sum += x[i]
		}
		batch := sum / m
		for i := j; i < len(x); i += dim {
			square += (x[i] - batch) * (x[i] - batch)
		}
		delta := batch - mean[j]
		mean[j] += delta * m / (n + m)
		variance[j] = (variance[j]*n + square + delta*delta*n*m/(n+m)) / (n + m)
	}
	count[0] = n + m
}

// Normalize writes the rows of x, less the mean and divided by the standard
// deviation, to dst, clipped to ±limit. dst may be x.
func (r *Running) Normalize(dst, x []float64, limit float64) {
	mean, variance := tensor.Data[float64](r.Mean), tensor.Data[float64](r.Var)
	for i, v := range x {
		j := i % len(mean)
		dst[i] = min(max((v-mean[j])/math.Sqrt(variance[j]+varianceFloor), -limit), limit)
	}
}

// varianceFloor keeps a dimension that has not varied yet finite.
const varianceFloor = 1e-8
