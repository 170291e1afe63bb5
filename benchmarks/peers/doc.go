// Package peers times other Go libraries on the work of the benchmarks in the
// folder above, under the same names and the peer's: GoMLX with its Go backend,
// and gonum. It is a module of its own, so that users of the library do not
// get what it needs.
//
//	GOEXPERIMENT=simd go test -bench .
package peers
