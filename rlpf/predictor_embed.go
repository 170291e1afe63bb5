package rlpf

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// embeddingScale is the deviation of random embeddings at the start. Beside what the
// layers add smaller ones would drown: training stands still for hundreds of steps before
// titles are compared.
const embeddingScale = 0.3

// startEmbeddings returns the embeddings that training starts from, [vocab, dim]. They are
// random, but for the tokens that stand for a number or a title, of which there are
// hundreds, each seldom met: what these have in common is given, not to be learnt anew of
// every one.
func startEmbeddings(r *rand.PCG, l *Language, vocab, dim int) *autograd.Param {
	p := nn.Normal(r, embeddingScale, vocab, dim)
	w := tensor.Data[float32](p.Value)
	row := func(token int32) []float32 { return w[int(token)*dim:][:dim] }
	startNumbers(r, l, dim, row)
	startTitles(l, row)
	return p
}

// startNumbers puts each number that is a token between two random vectors, of those for
// 0, 1, 3, 7 and so on, by its logarithm: of twice as many titles of a genre one likes it
// about twice as much. So numbers near each other begin alike.
func startNumbers(r *rand.PCG, l *Language, dim int, row func(token int32) []float32) {
	marks := tensor.Data[float32](nn.Normal(r, embeddingScale, 2+int(math.Log2(mostNumber+1)), dim).Value)
	for n := range mostNumber + 1 {
		token, ok := l.Tok.ID(" " + strconv.Itoa(n)) // words that are tokens are spelt otherwise
		if !ok {
			continue
		}
		mark, part := math.Modf(math.Log2(float64(n + 1)))
		below := marks[int(mark)*dim:][:dim]
		above := marks[(int(mark)+1)*dim:][:dim]
		for j := range dim {
			row(token)[j] = (1-float32(part))*below[j] + float32(part)*above[j]
		}
	}
}

// ownPart is the share of its random vector that a title keeps beside those of its genres.
const ownPart = 0.7

// startTitles adds to each title that is a token the mean of its genres.
func startTitles(l *Language, row func(token int32) []float32) {
	seen := map[int32]bool{} // items may share a title
	for i, item := range l.Data.Items {
		token, ok := l.Tok.ID(" " + l.titles[i])
		if !ok || len(item.Genres) == 0 || seen[token] {
			continue
		}
		seen[token] = true
		title := row(token)
		for j := range title {
			title[j] *= ownPart
		}
		for _, g := range item.Genres {
			words := l.Encode(" " + l.genres[g])
			for _, word := range words {
				for j, x := range row(word) {
					title[j] += x / float32(len(item.Genres)*len(words))
				}
			}
		}
	}
}
