package nn

import "github.com/noema-ml/noema/autograd"

// Dropout is the probability with which each element is set to zero in
// training, the others being scaled by 1/(1-p) (Srivastava et al. 2014).
type Dropout float64

// Forward returns x with elements dropped, or x itself if the scope does not
// train.
func (p Dropout) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	if !p.active(s) {
		return x
	}
	return autograd.Dropout(x, float64(p))
}

func (p Dropout) active(s *autograd.Scope) bool { return p != 0 && s.Train }
