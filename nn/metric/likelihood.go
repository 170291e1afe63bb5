package metric

import (
	"math"

	"github.com/noema-ml/noema/tensor"
)

// Accuracy is the share of predictions that are equal to what was wanted; NaN
// if there are none. It panics with *tensor.ShapeError if the lengths differ.
func Accuracy[T comparable](got, want []T) float64 {
	if len(got) != len(want) {
		panic(&tensor.ShapeError{Op: "metric.Accuracy", Reason: "lengths differ", Shapes: [][]int{{len(got)}, {len(want)}}})
	}
	right := 0
	for i := range got {
		if got[i] == want[i] {
			right++
		}
	}
	return float64(right) / float64(len(got))
}

// Perplexity is exp(nll/tokens), where nll is the negative log-likelihood in
// nats, summed over the tokens (not a mean of means, which would weigh short
// texts more). It is NaN for no tokens.
func Perplexity(nll float64, tokens int) float64 { return math.Exp(nll / float64(tokens)) }

// BitsPerByte is nll, in nats, over the bytes of the text, in bits: unlike
// perplexity it compares models with different vocabularies. It is NaN for no
// bytes.
func BitsPerByte(nll float64, bytes int) float64 { return nll / float64(bytes) / math.Ln2 }
