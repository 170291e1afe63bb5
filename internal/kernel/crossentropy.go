package kernel

// CrossEntropy sets loss[i] and lse[i] for each row of logits, cols long:
//
//	loss = lse - (1-smoothing)*logits[target] - smoothing*mean(logits)
//
// with lse the logarithm of the sum of exponentials. A row whose target is
// ignore gets zeros. Any other target outside [0, cols) panics.
func CrossEntropy[T Float](loss, lse, logits []T, target []int32, cols int, ignore int32, smoothing T) {
	for i, c := range target {
		if c == ignore {
			loss[i], lse[i] = 0, 0
			continue
		}
		row := logits[i*cols : (i+1)*cols]
		l := logSumExp(row)
		lse[i] = l
		loss[i] = l - row[c]
		if smoothing != 0 {
			loss[i] = (1-smoothing)*(l-row[c]) + smoothing*(l-Sum(row)/T(cols))
		}
	}
}

// CrossEntropyGrad sets dlogits, which may alias logits, to the gradient of
// Σ loss*dloss; lse is what CrossEntropy gave. Ignored rows get zeros.
func CrossEntropyGrad[T Float](dlogits, logits, lse []T, target []int32, dloss []T, cols int, ignore int32, smoothing T) {
	t := tableOf[T]()
	for i, c := range target {
		d := dlogits[i*cols : (i+1)*cols]
		g := dloss[i]
		if c == ignore {
			clear(d)
			continue
		}
		var shift T
		if smoothing != 0 {
			shift = -g * smoothing / T(cols)
		}
		t.expScaled(d, logits[i*cols:(i+1)*cols], lse[i], g, shift)
		d[c] -= g * (1 - smoothing)
	}
}

func expScaled[T Float](dst, x []T, l, c, d T) {
	t := tableOf[T]()
	t.expSum(dst, x, l)
	for i, e := range dst {
		dst[i] = d + c*e
	}
}
