package rl

import "math"

// Standardize returns x less its mean, divided by its standard deviation (the
// population's, plus 1e-8).
func Standardize(x []float64) []float64 {
	mean, std := moments(x)
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = (v - mean) / (std + 1e-8)
	}
	return out
}

// GroupAdvantages returns each reward less the mean of its group, divided by
// the group's standard deviation (the population's, plus 1e-6) if scale is true:
// GRPO's advantages (Shao et al. 2024, arXiv 2402.03300, section 4.1.2).
// Without scale they are those of Dr. GRPO (Liu et al. 2025, arXiv 2503.20783).
// A group is so many consecutive rewards, answers to one question; one whose
// rewards are all equal gives 0. It panics if size does not divide their number.
func GroupAdvantages(rewards []float64, size int, scale bool) []float64 {
	out := make([]float64, len(rewards))
	eachGroup(rewards, size, func(first int, group []float64) {
		mean, std := moments(group)
		for i, r := range group {
			out[first+i] = r - mean
			if scale {
				out[first+i] /= std + 1e-6
			}
		}
	})
	return out
}

// LeaveOneOut returns each reward less the mean of the others in its group of
// so many consecutive ones: a baseline that does not bias the gradient, because
// it does not depend on the action (Kool, van Hoof and Welling 2019, "Buy 4
// REINFORCE samples, get a baseline for free!"; RLOO of Ahmadian et al. 2024,
// arXiv 2402.14740). It panics if size is below 2 or does not divide their
// number.
func LeaveOneOut(rewards []float64, size int) []float64 {
	if size < 2 {
		panic("rl: leaving one out needs groups of two or more")
	}
	out := make([]float64, len(rewards))
	eachGroup(rewards, size, func(first int, group []float64) {
		mean, _ := moments(group)
		for i, r := range group {
			out[first+i] = (r - mean) * float64(size) / float64(size-1)
		}
	})
	return out
}

func eachGroup(x []float64, size int, f func(first int, group []float64)) {
	if size < 1 || len(x)%size != 0 {
		panic("rl: the rewards are not a number of whole groups")
	}
	for i := 0; i < len(x); i += size {
		f(i, x[i:i+size])
	}
}

// moments returns mean and standard deviation of the population.
func moments(x []float64) (mean, std float64) {
	if len(x) == 0 {
		return 0, 0
	}
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		std += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(std / float64(len(x)))
}
