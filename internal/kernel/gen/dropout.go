package main

// dropoutFiles are the masks of dropout, made from SplitMix64 as they are used.
func dropoutFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("dropout", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			dropout(f, isa, elem)
		}
		files = append(files, f)
	}
	return files
}

// The factors of SplitMix64.
const (
	splitMix1 uint64 = 0x9e3779b97f4a7c15
	splitMix2 uint64 = 0xbf58476d1ce4e5b9
	splitMix3 uint64 = 0x94d049bb133111eb
)

func dropout(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "dropout", "is [table]'s dropout for n > 0 elements.",
		typed(elem, "dst *T, x *T, n int, base int, limit int, keep T"), "")
	p := k.Params("dst", "x", "n")
	dst, x, keep := p[0], p[1], k.Broadcast("keep")
	counters := make([]*Value, F64.Size/elem.Size) // for the elements of a vector
	var limit *Value
	k.As(F64, func() {
		limit = k.limit()
		base := k.Broadcast("base")
		for c := range counters {
			first := c * k.Lanes()
			counters[c] = k.Var(k.AddInt(base, k.ConstLanes(func(i int) uint64 { return uint64(first+i) * splitMix1 })))
		}
	})
	step := uint64(k.Lanes())
	k.Each(p[2], 1, func(u int) {
		stays := make([]*Value, len(counters))
		k.As(F64, func() {
			for c, at := range counters {
				z := k.mul64(k.Xor(at, k.Shr(at, 30)), splitMix2)
				z = k.mul64(k.Xor(z, k.Shr(z, 27)), splitMix3)
				stays[c] = k.atLeast(k.Xor(z, k.Shr(z, 31)), limit)
				k.Set(at, k.AddInt(at, k.ConstBits(step*splitMix1)))
			}
		})
		k.Store(dst, u, k.Only(k.Tree(k.JoinMasks, stays...), k.Mul(k.Load(x, u), keep)))
	})
	k.End()
	f.Set(elem.field("dropout"), "dropoutOf("+k.name+")")
}

// limit returns the parameter for atLeast, which compares unsigned integers
// of which the upper 53 bits count: AVX2 only has a signed comparison.
func (k *Kernel) limit() *Value {
	limit := k.Broadcast("limit")
	if k.Is(AVX2) {
		limit = k.AddInt(k.Shr(limit, 11), k.ConstBits(1<<64-1))
	}
	return limit
}

func (k *Kernel) atLeast(z, limit *Value) *Value {
	if k.Is(AVX2) {
		return k.Compare("above", 0, k.Shr(z, 11), limit)
	}
	return k.Compare("atleast", 0, z, limit)
}

// mul64 returns the lower halves of products of 64-bit integers with c.
func (k *Kernel) mul64(a *Value, c uint64) *Value {
	factor := k.ConstBits(c)
	if !k.Is(AVX2) {
		return k.apart("mul64", a, factor)
	}
	cross := k.AddInt(k.Do("mullow", k.Shr(a, 32), factor), k.Do("mullow", a, k.ConstBits(c>>32)))
	return k.AddInt(k.Shl(cross, 32), k.Do("mullow", a, factor))
}
