package kernel

// AdamW updates the weights w and the moments m and v from the gradient g
// (Loshchilov and Hutter, 2019, algorithm 2):
//
//	m = beta1*m + (1-beta1)*g
//	v = beta2*v + (1-beta2)*g²
//	w -= lr * (decay*w + (m/corr1) / (sqrt(v/corr2) + eps))
//
// corr1 and corr2 are the bias corrections 1-beta1^t and 1-beta2^t.
func AdamW[T Float](w, g, m, v []T, lr, beta1, beta2, eps, decay, corr1, corr2 T) {
	tableOf[T]().adamW(w, g, m, v, lr, beta1, beta2, eps, decay, corr1, corr2)
}

func adamW[T Float](w, g, m, v []T, lr, beta1, beta2, eps, decay, corr1, corr2 T) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	rate, shrink, inv2 := lr/corr1, 1-lr*decay, 1/corr2
	for i := range w {
		mi := beta1*m[i] + (1-beta1)*g[i]
		vi := beta2*v[i] + (1-beta2)*g[i]*g[i]
		m[i], v[i] = mi, vi
		w[i] = shrink*w[i] - rate*mi/(sqrt(vi*inv2)+eps)
	}
}
