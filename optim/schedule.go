package optim

import "math"

// A Schedule gives the learning rate of a step. Steps count from 0; a negative
// step is taken for 0. Every schedule warms up first: over the steps
// 0 … warmup-1 the rate rises linearly from lr/warmup to lr (warmup ≤ 0: not
// at all). A schedule that has an end stays at its final value from step total
// on, also when total ≤ warmup.
type Schedule func(step int) float64

// Constant stays at lr after the warm-up.
func Constant(lr float64, warmup int) Schedule {
	return warm(lr, warmup, func(int) float64 { return lr })
}

// Linear falls in a straight line from lr at step warmup to final at step
// total.
func Linear(lr float64, warmup, total int, final float64) Schedule {
	return warm(lr, warmup, func(step int) float64 {
		return lr + (final-lr)*share(step, warmup, total)
	})
}

// Cosine falls along half a cosine from lr at step warmup to final at step
// total (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts).
func Cosine(lr float64, warmup, total int, final float64) Schedule {
	return warm(lr, warmup, func(step int) float64 {
		return cosine(lr, final, share(step, warmup, total))
	})
}

// InverseSqrt falls as lr·√(w/(step+1)) after the warm-up, where w is
// max(warmup, 1) (Vaswani et al. 2017, arXiv 1706.03762, section 5.3, scaled
// to reach lr). It has no end.
func InverseSqrt(lr float64, warmup int) Schedule {
	w := float64(max(warmup, 1))
	return warm(lr, warmup, func(step int) float64 {
		return lr * math.Sqrt(w/(float64(step)+1))
	})
}

// OneCycle rises along half a cosine from lr/25 at step 0 to lr at step
// warmup, and falls along another to lr/250000 at step total (Smith and Topin
// 2018, arXiv 1708.07120; the factors are PyTorch's). A usual warmup is three
// tenths of total.
func OneCycle(lr float64, warmup, total int) Schedule {
	const start, end = 1.0 / 25, 1.0 / 250000
	return func(step int) float64 {
		if step < warmup && step < total {
			return cosine(lr*start, lr, share(step, 0, warmup))
		}
		return cosine(lr, lr*end, share(step, warmup, total))
	}
}

// warm is then with a linear warm-up to lr before it.
func warm(lr float64, warmup int, then Schedule) Schedule {
	return func(step int) float64 {
		step = max(step, 0)
		if step < warmup {
			return lr * float64(step+1) / float64(warmup)
		}
		return then(step)
	}
}

// share is how far step lies on the way from first to last, in [0, 1].
func share(step, first, last int) float64 {
	if step >= last {
		return 1
	}
	return max(0, float64(step-first)/float64(last-first))
}

// cosine goes from a at x = 0 to b at x = 1.
func cosine(a, b, x float64) float64 {
	return b + (a-b)*(1+math.Cos(math.Pi*x))/2
}
