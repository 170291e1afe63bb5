package optable

import (
	"fmt"
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// build returns the float64 tensor whose element i is f(i).
func build(shape []int, f func(i []int) float64) *tensor.Tensor {
	t := tensor.New(tensor.Float64, shape...)
	d := tensor.Data[float64](t)
	i := make([]int, len(shape))
	for k := range d {
		d[k] = f(i)
		for a := len(i) - 1; a >= 0; a-- {
			if i[a]++; i[a] < shape[a] {
				break
			}
			i[a] = 0
		}
	}
	return t
}

// at reads t, broadcast, at index i of the result.
func at(t *tensor.Tensor, i []int) float64 {
	j := slices.Clone(i[len(i)-t.Rank():])
	for a := range j {
		j[a] = min(j[a], t.Dim(a)-1)
	}
	return t.At(j...)
}

func mapped(f func(x float64) float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		return build(xs[0].Shape(), func(i []int) float64 { return f(xs[0].At(i...)) })
	}
}

func zipped(f func(a, b float64) float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		shape := tensor.BroadcastShape("reference", xs[0], xs[1])
		return build(shape, func(i []int) float64 { return f(at(xs[0], i), at(xs[1], i)) })
	}
}

// lineOf returns the elements of t along axis through index i, which lacks the
// axis.
func lineOf(t *tensor.Tensor, axis int, i []int) []float64 {
	line := make([]float64, t.Dim(axis))
	for j := range line {
		line[j] = t.At(slices.Insert(slices.Clone(i), axis, j)...)
	}
	return line
}

// lines maps each line of the input along axis to one of the result.
func lines(axis int, f func(line []float64) []float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		x := xs[0]
		a := x.Axis("reference", axis)
		done := map[string][]float64{}
		return build(x.Shape(), func(i []int) float64 {
			rest := slices.Delete(slices.Clone(i), a, a+1)
			key := fmt.Sprint(rest)
			if done[key] == nil {
				done[key] = f(lineOf(x, a, rest))
			}
			return done[key][i[a]]
		})
	}
}

// folded maps each line of the input along axis to one number.
func folded(axis int, f func(line []float64) float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		x := xs[0]
		a := x.Axis("reference", axis)
		return build(slices.Delete(x.Shape(), a, a+1), func(i []int) float64 { return f(lineOf(x, a, i)) })
	}
}

// foldedOver maps the elements over several axes, all if none is given, to one
// number.
func foldedOver(axes []int, f func(values []float64) float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		x := xs[0]
		var gone, kept []int
		for _, a := range axes {
			gone = append(gone, x.Axis("reference", a))
		}
		var shape []int
		for a := range x.Rank() {
			if len(axes) > 0 && !slices.Contains(gone, a) {
				kept, shape = append(kept, a), append(shape, x.Dim(a))
			}
		}
		groups := map[int][]float64{}
		build(x.Shape(), func(i []int) float64 {
			k := 0
			for _, a := range kept {
				k = k*x.Dim(a) + i[a]
			}
			groups[k] = append(groups[k], x.At(i...))
			return 0
		})
		k := -1
		return build(shape, func([]int) float64 { k++; return f(groups[k]) })
	}
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}

func mean(x []float64) float64 { return sum(x) / float64(len(x)) }
