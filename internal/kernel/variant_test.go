package kernel

import "testing"

// use makes v the variant in use until the test ends; such tests are not parallel.
func use(t testing.TB, v variant) {
	old := active
	active = v
	t.Cleanup(func() { active = old })
}

// eachVariant runs f with every variant that this machine has, portable last.
func eachVariant(t *testing.T, f func(t *testing.T)) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			use(t, v)
			f(t)
		})
	}
}

// twins runs f with each assembly variant's table and the portable one.
func twins(t *testing.T, f func(t *testing.T, fast, plain *table[float32])) {
	vs := variants()
	plain := &vs[len(vs)-1].f32
	for _, v := range vs[:len(vs)-1] {
		t.Run(v.name, func(t *testing.T) {
			use(t, v)
			f(t, &v.f32, plain)
		})
	}
}
