package rlpf

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// Numbers near each other begin alike, and titles begin like their genres; nothing else
// is like anything.
func TestStartEmbeddings(t *testing.T) {
	d := tinyData()
	l := newLanguage(t, d, 400)
	const dim = 64
	vocab := l.Tok.Vocab() + ownTokens
	w := tensor.Data[float32](startEmbeddings(stream(1, "embeddings"), l, vocab, dim).Value)
	require.Equal(t, w, tensor.Data[float32](startEmbeddings(stream(1, "embeddings"), l, vocab, dim).Value))
	of := func(text string) []float32 {
		tokens := l.Encode(" " + text)
		require.Len(t, tokens, 1, text)
		return w[int(tokens[0])*dim:][:dim]
	}
	number := func(n int) []float32 { return of(strconv.Itoa(n)) }
	for n := 1; n < mostNumber; n++ {
		require.NotEqual(t, number(n), number(n+1))
		if n >= 7 {
			require.Greater(t, cosine(number(n), number(n+1)), 0.9, n)
		}
	}
	require.Less(t, cosine(number(1), number(7)), 0.5)
	require.Less(t, cosine(number(3), number(63)), 0.5)

	var own, other float64
	var n, m int
	for _, item := range d.Items {
		for g, name := range d.Genres {
			tokens := l.Encode(" " + name)
			mean := make([]float32, dim)
			for _, token := range tokens {
				for j := range mean {
					mean[j] += w[int(token)*dim+j] / float32(len(tokens))
				}
			}
			like := cosine(of(item.Title), mean)
			if len(item.Genres) > 0 && item.Genres[0] == int32(g) {
				own, n = own+like, n+1
			} else if len(item.Genres) == 1 {
				other, m = other+like, m+1
			}
		}
	}
	require.Greater(t, own/float64(n), 0.4)
	require.Less(t, math.Abs(other/float64(m)), 0.15)
}

// Words that happen to be titles or numbers keep their random embeddings, as other words
// are put together from them.
func TestStartEmbeddingsOfWords(t *testing.T) {
	d := &history.Dataset{Name: "yelp", Genres: []string{"Bars"}, Items: []history.Item{{Title: "Bars", Genres: []int32{0}}, {Title: "12", Genres: []int32{0}}, {Title: "", Genres: []int32{0}}, {Title: "Joe's"}}}
	l := newLanguage(t, d, 300)
	vocab := l.Tok.Vocab()
	w := tensor.Data[float32](startEmbeddings(stream(1, "embeddings"), l, vocab, 8).Value)
	random := tensor.Data[float32](nn.Normal(stream(1, "embeddings"), embeddingScale, vocab, 8).Value)
	for token := range vocab {
		number := false
		for n := range mostNumber + 1 {
			id, _ := l.Tok.ID(" " + strconv.Itoa(n))
			number = number || int(id) == token
		}
		if !number {
			require.Equal(t, random[token*8:][:8], w[token*8:][:8], token)
		}
	}
}
