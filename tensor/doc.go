// Package tensor holds n-dimensional arrays and the operations on them that
// are used without gradients.
//
// A [Tensor] has a run-time [DType], a shape and strides over storage that
// views share. Buffers come from the heap ([New]) or from an [Arena], which
// takes them all back at the end of a step; a tensor that is used after its
// buffer went back panics with *[ReleasedError], and [Tensor.Clone] copies out
// what must live on. A result lives where its shortest-lived operand lives.
//
// Conventions. Operands broadcast as in NumPy. Axes may be negative. Where
// elements tie, sort is stable and argmax, argmin, max and min take the first.
// Variance is the population's (divided by n). The sum of nothing is 0, its
// mean NaN, its maximum an error. A row of which everything is masked (-Inf)
// has softmax 0 everywhere and logsumexp -Inf. NaN propagates through maxima
// and minima and sorts last.
//
// Operands that do not fit are a mistake in the caller's code: the operation
// panics with a *[ShapeError] that names it and the shapes. [Try] turns that
// panic into an error.
package tensor
