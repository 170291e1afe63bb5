// Package kernel holds the inner loops of the library and nothing else:
// matrix product, attention, element-wise functions, reductions, norms,
// losses and optimizer updates over plain slices.
//
// Matrices are row-major. All functions are serial except the Gemm and
// Attention families, which split their work over cores in a way that depends
// on sizes alone, so results have the same bits for any GOMAXPROCS. Slices
// that are too short panic as an index out of range; callers check shapes.
//
// Assembly variants stand behind the exported functions in one dispatch
// [table], chosen once when the program starts.
package kernel

// Float is the set of element types that every kernel runs on.
type Float interface{ float32 | float64 }
