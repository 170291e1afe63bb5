// Package benchmarks measures layers and whole training steps: go test -bench.
//
// The names of its benchmarks are stable. Inputs are random, packing is inside
// the timing, a step includes the optimizer and the scope's Reset, and timing
// and counting of allocations begin after five warm calls. README.md tells how
// to compare with other libraries.
package benchmarks
