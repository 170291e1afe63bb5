//go:build !noasm

package kernel

import "testing"

// Slices so long that they are cut for assembly, and rows that take more than
// one block of a reduction, give what shorter ones do.
func TestLongOperands(t *testing.T) {
	if raceEnabled {
		t.Skip("slow under the race detector, which does not look into assembly")
	}
	const n = chunk + sumBlock + 3 // odd: one row
	vs := variants()
	plain, fast := &vs[len(vs)-1], vs[:len(vs)-1]
	exact := probes[float64]()
	for i, p := range probes[float32]() {
		t.Run(p.name, func(t *testing.T) {
			in := operands[float32](rng(41), p.slices, n, false, p.sums)
			wide := make([][]float64, len(in))
			for k := range in {
				wide[k] = widen(in[k])
			}
			same, sameLoose := run(t, plain, &plain.f32, p, in)
			want, wantLoose := run(t, plain, &plain.f64, exact[i], wide)
			for _, v := range fast {
				t.Log(v.name)
				got, loose := run(t, &v, &v.f32, p, in)
				for k := range got {
					held(t, p, n, round[float32](want[k]), same[k], got[k])
				}
				held(t, p, n, round[float32](wantLoose), sameLoose, loose)
			}
		})
	}
}
