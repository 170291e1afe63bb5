package main

import (
	"fmt"
	"math"
	"strings"
)

// vectorFiles are the element-wise loops and the reductions.
func vectorFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("vector", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			elementwise(f, isa, elem)
			reductions(f, isa, elem)
			softmaxFuncs(f, isa, elem)
			sumRows(f, isa, elem)
		}
		files = append(files, f)
	}
	return files
}

// A loop is an element-wise function: dst = f(in, scalars). in may name dst.
type loop struct {
	name    string // and field of the table
	doc     string
	in      []string
	scalars []string
	unroll  int
	f       func(k *Kernel, in, scalars []*Value) *Value
}

func elementwise(f *File, isa *ISA, elem Elem) {
	ab, x, dy := []string{"a", "b"}, []string{"x"}, []string{"x", "dy"}
	c := []string{"c"}
	for _, l := range []loop{
		{"add", "sets dst[i] = a[i]+b[i].", ab, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Add(in[0], in[1]) }},
		{"sub", "sets dst[i] = a[i]-b[i].", ab, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Sub(in[0], in[1]) }},
		{"mul", "sets dst[i] = a[i]*b[i].", ab, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Mul(in[0], in[1]) }},
		{"div", "sets dst[i] = a[i]/b[i].", ab, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Div(in[0], in[1]) }},
		{"max", "sets dst[i] to the larger of a[i] and b[i], or NaN.", ab, nil, 2, larger},
		{"min", "sets dst[i] to the smaller of a[i] and b[i], or NaN.", ab, nil, 2, smaller},
		{"addMul", "adds a[i]*b[i] to dst[i].", append(ab, "dst"), nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.FMA(in[0], in[1], in[2]) }},

		{"addScalar", "sets dst[i] = x[i]+c.", x, c, 4, func(k *Kernel, in, c []*Value) *Value { return k.Add(in[0], c[0]) }},
		{"scale", "sets dst[i] = c*x[i].", x, c, 4, func(k *Kernel, in, c []*Value) *Value { return k.Mul(in[0], c[0]) }},
		{"divScalar", "sets dst[i] = x[i]/c.", x, c, 4, func(k *Kernel, in, c []*Value) *Value { return k.Div(in[0], c[0]) }},
		{"scalarSub", "sets dst[i] = c-x[i].", x, c, 4, func(k *Kernel, in, c []*Value) *Value { return k.Sub(c[0], in[0]) }},
		{"scalarDiv", "sets dst[i] = c/x[i].", x, c, 4, func(k *Kernel, in, c []*Value) *Value { return k.Div(c[0], in[0]) }},
		{"maxScalar", "sets dst[i] to the larger of x[i] and c, or NaN.", x, c, 2, larger},
		{"minScalar", "sets dst[i] to the smaller of x[i] and c, or NaN.", x, c, 2, smaller},
		{"addScaled", "adds c*x[i] to dst[i].", append(x, "dst"), c, 4, func(k *Kernel, in, c []*Value) *Value { return k.FMA(in[0], c[0], in[1]) }},
		{"subMul", "sets dst[i] = (x[i]-mu)*c.", x, []string{"mu", "c"}, 4, func(k *Kernel, in, c []*Value) *Value { return k.Mul(k.Sub(in[0], c[0]), c[1]) }},

		{"neg", "sets dst[i] = -x[i].", x, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Neg(in[0]) }},
		{"abs", "sets dst[i] = |x[i]|.", x, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Abs(in[0]) }},
		{"sqrt", "sets dst[i] to the square root of x[i].", x, nil, 2, func(k *Kernel, in, _ []*Value) *Value { return k.Sqrt(in[0]) }},
		{"square", "sets dst[i] = x[i]².", x, nil, 4, func(k *Kernel, in, _ []*Value) *Value { return k.Square(in[0]) }},
		{"exp", "sets dst[i] = e^x[i].", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value { return k.Exp(in[0], anyValue) }},
		{"log", "sets dst[i] = ln x[i].", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value { return k.Log(in[0]) }},
		{"tanh", "sets dst[i] = tanh x[i].", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value { return k.Tanh(in[0]) }},
		{"erf", "sets dst[i] = erf x[i].", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value { return k.Erf(in[0]) }},
		{"sigmoid", "sets dst[i] = 1/(1+e^-x[i]).", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value { return k.Sigmoid(in[0], anyValue) }},
		{"softplus", "sets dst[i] = ln(1+e^x[i]).", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			return k.Add(k.Max(k.Const(0), in[0]), k.Log1pExp(in[0]))
		}},
		{"relu", "sets dst[i] to x[i] or, if that is at most 0, to 0.", x, nil, 4, func(k *Kernel, in, _ []*Value) *Value {
			return k.Select(k.Cmp(LessEqual, in[0], k.Const(0)), k.Const(0), in[0])
		}},
		{"gelu", "sets dst[i] = x[i]·Φ(x[i]).", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			half := k.Mul(in[0], k.Const(0.5))
			return k.Mul(half, k.Add(k.Erf(k.Mul(in[0], k.Const(math.Sqrt2/2))), k.Const(1)))
		}},
		{"geluTanh", "sets dst[i] to the tanh form of GELU of x[i].", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			return k.Div(in[0], k.geluTanhDenominator(in[0]))
		}},
		{"silu", "sets dst[i] = x[i]·sigmoid(x[i]).", x, nil, 1, func(k *Kernel, in, _ []*Value) *Value { return k.silu(in[0]) }},

		{"reluGrad", "sets dst[i] to dy[i] where x[i] > 0, else to 0.", dy, nil, 4, func(k *Kernel, in, _ []*Value) *Value {
			return k.Select(k.Cmp(Greater, in[0], k.Const(0)), in[1], k.Const(0))
		}},
		{"tanhGrad", "sets dst[i] = dy[i]·(1-x[i]²).", dy, nil, 2, func(k *Kernel, in, _ []*Value) *Value {
			return k.Mul(in[1], k.FNMA(in[0], in[0], k.Const(1)))
		}},
		{"sigmoidGrad", "sets dst[i] = dy[i]·x[i]·(1-x[i]).", dy, nil, 2, func(k *Kernel, in, _ []*Value) *Value {
			return k.Mul(k.Mul(in[1], in[0]), k.Sub(k.Const(1), in[0]))
		}},
		{"softplusGrad", "sets dst[i] = dy[i]·sigmoid(x[i]).", dy, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			return k.Mul(in[1], k.Sigmoid(in[0], anyValue))
		}},
		{"geluGrad", "sets dst[i] = dy[i]·(Φ(x[i])+x[i]·φ(x[i])).", dy, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			a := k.Mul(in[0], k.Const(math.Sqrt2/2))
			bell := k.Mul(k.Exp(k.Neg(k.Square(a)), notPositive), k.Const(1/math.Sqrt(2*math.Pi)))
			area := k.FMA(k.Erf(a), k.Const(0.5), k.Const(0.5))
			return k.Mul(in[1], k.FMA(in[0], bell, area))
		}},
		{"geluTanhGrad", "sets dst[i] to dy[i] times the slope of geluTanh at x[i].", dy, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			_, slope := k.geluTanhSlope(in[0])
			return k.Mul(in[1], slope)
		}},
		{"siluGrad", "sets dst[i] to dy[i] times the slope of silu at x[i].", dy, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			_, slope := k.siluSlope(in[0])
			return k.Mul(in[1], slope)
		}},
		{"swiGLU", "sets dst[i] = silu(gate[i])·up[i].", []string{"gate", "up"}, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			return k.Mul(k.silu(in[0]), in[1])
		}},
		{"geGLU", "sets dst[i] = geluTanh(gate[i])·up[i].", []string{"gate", "up"}, nil, 1, func(k *Kernel, in, _ []*Value) *Value {
			return k.Mul(k.Div(in[0], k.geluTanhDenominator(in[0])), in[1])
		}},
	} {
		l.emit(f, isa, elem)
	}
	gatedGrad(f, isa, elem, "swiGLUGrad", (*Kernel).siluSlope)
	gatedGrad(f, isa, elem, "geGLUGrad", (*Kernel).geluTanhSlope)
}

// emit writes the loop and sets the field of the same name, through the Go
// function that checks lengths: loopNxM for N operands and M scalars.
func (l loop) emit(f *File, isa *ISA, elem Elem) {
	slices := []string{"dst"}
	for _, p := range l.in {
		if p != "dst" {
			slices = append(slices, p)
		}
	}
	k, ptr, n, scalars := f.slices(isa, elem, l.name, l.doc, slices, l.scalars, "")
	k.Each(n, l.unroll, func(u int) {
		k.Store(ptr["dst"], u, l.f(k, k.loads(ptr, l.in, u), scalars))
	})
	k.End()
	f.Set(fmt.Sprintf("f%d.%s", elem.Bits(), l.name), fmt.Sprintf("loop%dx%d(%s)", len(slices)-1, len(l.scalars), k.name))
}

// slices starts a function of slices of one length n and of scalars.
func (f *File) slices(isa *ISA, elem Elem, name, doc string, slices, scalars []string, result string) (k *Kernel, ptr map[string]string, n string, values []*Value) {
	var params []string
	for _, p := range slices {
		params = append(params, fmt.Sprintf("%s *%s", p, elem.Name))
	}
	params = append(params, "n int")
	for _, p := range scalars {
		params = append(params, p+" "+elem.Name)
	}
	k = f.Kernel(isa, elem, name, doc, strings.Join(params, ", "), result)
	ptr = map[string]string{}
	for _, p := range slices {
		ptr[p] = k.Param(p)
	}
	n = k.Param("n")
	for _, p := range scalars {
		values = append(values, k.Broadcast(p))
	}
	return k, ptr, n, values
}

func (k *Kernel) loads(ptr map[string]string, names []string, u int) (vs []*Value) {
	for _, p := range names {
		vs = append(vs, k.Load(ptr[p], u))
	}
	return vs
}

// A reduction is a function of whole slices: the sum of f over them.
type reduction struct {
	name    string // and field of the table
	doc     string
	in      []string
	scalars []string
	f       func(k *Kernel, acc *Value, in, scalars []*Value) *Value // adds to acc
}

func reductions(f *File, isa *ISA, elem Elem) {
	for _, r := range []reduction{
		{"sum", "returns the sum of x.", []string{"x"}, nil,
			func(k *Kernel, acc *Value, in, _ []*Value) *Value { return k.Add(acc, in[0]) }},
		{"dot", "returns the sum of x[i]*y[i].", []string{"x", "y"}, nil,
			func(k *Kernel, acc *Value, in, _ []*Value) *Value { return k.FMA(in[0], in[1], acc) }},
		{"centredSq", "returns the sum of (x[i]-mu)².", []string{"x"}, []string{"mu"},
			func(k *Kernel, acc *Value, in, mu []*Value) *Value {
				d := k.Keep(k.Sub(in[0], mu[0]), k.Const(0))
				return k.FMA(d, d, acc)
			}},
	} {
		r.emit(f, isa, elem)
	}
	maxOf(f, isa, elem)
}

// emit writes the reduction and sets the field of the same name, through the
// Go function that sums over blocks: sumNxM for N operands and M scalars.
func (r reduction) emit(f *File, isa *ISA, elem Elem) {
	const unroll = 4
	k, ptr, n, scalars := f.slices(isa, elem, r.name, r.doc, r.in, r.scalars, elem.Name)
	acc := k.Vars(unroll, k.Const(0))
	k.Each(n, unroll, func(u int) {
		k.Set(acc[u], r.f(k, acc[u], k.loads(ptr, r.in, u), scalars))
	})
	k.Result(k.ReduceSum(k.Tree(k.Add, acc...)))
	k.End()
	f.Set(fmt.Sprintf("f%d.%s", elem.Bits(), r.name), fmt.Sprintf("sum%dx%d(%s)", len(r.in), len(r.scalars), k.name))
}

func maxOf(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "maxOf", "returns the largest element of x, NaN if there is one.",
		fmt.Sprintf("x *%s, n int", elem.Name), elem.Name)
	const unroll = 4
	x, n := k.Param("x"), k.Param("n")
	low := k.Const(math.Inf(-1))
	acc, nan := k.Vars(unroll, low), k.Var(low) // maximum drops NaN
	k.Each(n, unroll, func(u int) {
		v := k.Load(x, u)
		k.Set(nan, k.Select(k.Cmp(Unordered, v, v), v, nan))
		k.Set(acc[u], k.Max(k.Keep(v, low), acc[u]))
	})
	most := k.ReduceMax(k.Tree(k.Max, acc...))
	k.Result(k.Max(most, k.ReduceSum(nan)))
	k.End()
	f.Set(fmt.Sprintf("f%d.maxOf", elem.Bits()), fmt.Sprintf("reduceMax(%s)", k.name))
}

// summedRows is how many rows sumRows adds in registers before they join dst.
const summedRows = 8

func sumRows(f *File, isa *ISA, elem Elem) {
	params := "dst *T"
	for r := range summedRows {
		params += fmt.Sprintf(", x%d *T", r)
	}
	k := f.Kernel(isa, elem, "sumRows", "adds the sum of the rows x0 to x7 to dst.", typed(elem, params+", n int"), "")
	dst := k.Param("dst")
	var x []string
	for r := range summedRows {
		x = append(x, k.Param(fmt.Sprintf("x%d", r)))
	}
	k.Each(k.Arg("n"), 2, func(u int) {
		var rows []*Value
		for _, p := range x {
			rows = append(rows, k.Load(p, u))
		}
		k.Store(dst, u, k.Add(k.Load(dst, u), k.Tree(k.Add, rows...)))
	})
	k.End()
	f.Set(elem.field("sumRows"), "sumRowsBy("+k.name+")")
}
