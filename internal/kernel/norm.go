package kernel

// LayerNorm normalises each row of x, cols long, to zero mean and unit
// variance, then scales by w and shifts by b (Ba et al., 2016); w and b may be
// nil. mean and rstd, one element a row, keep what the gradient needs; y may
// alias x.
func LayerNorm[T Float](y, x, w, b, mean, rstd []T, cols int, eps T) {
	tableOf[T]().layerNorm(y, x, w, b, mean, rstd, cols, eps)
}

func layerNorm[T Float](y, x, w, b, mean, rstd []T, cols int, eps T) {
	t := tableOf[T]()
	for i := range mean {
		r, o := x[i*cols:(i+1)*cols], y[i*cols:(i+1)*cols]
		mu := t.sum(r) / T(cols)
		rs := 1 / sqrt(t.centredSq(r, mu)/T(cols)+eps)
		mean[i], rstd[i] = mu, rs
		t.subMul(o, r, mu, rs)
		if w != nil {
			t.mul(o, o, w)
		}
		if b != nil {
			t.add(o, o, b)
		}
	}
}

// centredSq returns the sum of (x-mu)².
func centredSq[T Float](x []T, mu T) T {
	var total float64
	for len(x) > 0 {
		n := min(len(x), block)
		var s0, s1 T
		for _, v := range x[:n] {
			s0, s1 = s1, s0+(v-mu)*(v-mu)
		}
		total += float64(s0 + s1)
		x = x[n:]
	}
	return T(total)
}

// LayerNormGrad writes dx (skipped if nil; may alias dy) and adds to dw and db
// (skipped if nil) the gradients of LayerNorm, whose mean and rstd it takes.
func LayerNormGrad[T Float](dx, dw, db, x, w, mean, rstd, dy []T, cols int) {
	tableOf[T]().layerNormGrad(dx, dw, db, x, w, mean, rstd, dy, cols)
}

func layerNormGrad[T Float](dx, dw, db, x, w, mean, rstd, dy []T, cols int) {
	t := tableOf[T]()
	buf := grab[T](2 * cols)
	defer buf.drop()
	xhat, g := buf.s[:cols], buf.s[cols:]
	for i, mu := range mean {
		rs := rstd[i]
		r, d := x[i*cols:(i+1)*cols], dy[i*cols:(i+1)*cols]
		t.subMul(xhat, r, mu, rs)
		if db != nil {
			t.add(db, db, d)
		}
		if dw != nil {
			t.addMul(dw, d, xhat)
		}
		if dx == nil {
			continue
		}
		copy(g, d)
		if w != nil {
			t.mul(g, g, w)
		}
		a, c := t.sum(g)/T(cols), t.dot(g, xhat)/T(cols)
		o := dx[i*cols : (i+1)*cols]
		t.addScaled(g, xhat, -c)
		t.subMul(o, g, a, rs)
	}
}

// RMSNorm divides each row of x, cols long, by its root mean square and scales
// by w (Zhang and Sennrich, 2019), which may be nil. rstd, one element a row,
// keeps what the gradient needs; y may alias x.
func RMSNorm[T Float](y, x, w, rstd []T, cols int, eps T) {
	tableOf[T]().rmsNorm(y, x, w, rstd, cols, eps)
}

func rmsNorm[T Float](y, x, w, rstd []T, cols int, eps T) {
	t := tableOf[T]()
	for i := range rstd {
		r, o := x[i*cols:(i+1)*cols], y[i*cols:(i+1)*cols]
		rs := 1 / sqrt(t.dot(r, r)/T(cols)+eps)
		rstd[i] = rs
		t.scale(o, r, rs)
		if w != nil {
			t.mul(o, o, w)
		}
	}
}

// RMSNormGrad writes dx (skipped if nil; may alias dy) and adds to dw (skipped
// if nil) the gradients of RMSNorm, whose rstd it takes.
func RMSNormGrad[T Float](dx, dw, x, w, rstd, dy []T, cols int) {
	tableOf[T]().rmsNormGrad(dx, dw, x, w, rstd, dy, cols)
}

func rmsNormGrad[T Float](dx, dw, x, w, rstd, dy []T, cols int) {
	t := tableOf[T]()
	buf := grab[T](2 * cols)
	defer buf.drop()
	xhat, g := buf.s[:cols], buf.s[cols:]
	for i, rs := range rstd {
		r, d := x[i*cols:(i+1)*cols], dy[i*cols:(i+1)*cols]
		if dw != nil {
			t.scale(xhat, r, rs)
			t.addMul(dw, d, xhat)
		}
		if dx == nil {
			continue
		}
		copy(g, d)
		if w != nil {
			t.mul(g, g, w)
		}
		c := t.dot(g, r) * rs * rs / T(cols)
		o := dx[i*cols : (i+1)*cols]
		t.addScaled(g, r, -c)
		t.scale(o, g, rs)
	}
}
