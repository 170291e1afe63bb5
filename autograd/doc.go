// Package autograd computes gradients by recording operations as they run.
//
// A [Scope] is one pass. Operations on its [Var]s run at once; a scope that
// records keeps what the gradient needs on a tape, and [Var.Backward] walks it
// once, adding into [Param].Grad and freeing as it goes. Parameters are plain
// data: [Scope.Use] makes a Var of one for this pass. Reset starts the next
// pass with the memory of the last.
//
// Index and mask tensors that an operation is given stay the caller's, and must
// not change before Backward.
//
// Every differentiable operation is one function here, its forward and its
// vector-Jacobian product together, and inference uses the same function in a
// scope that records nothing. Operations panic with *[tensor.ShapeError] on
// operands that do not fit, with *[tensor.ReleasedError] on a Var of an earlier
// pass, and on Vars of two scopes.
package autograd
