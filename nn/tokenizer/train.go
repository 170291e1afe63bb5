package tokenizer

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// TrainBPE learns a vocabulary of vocab tokens from texts: the special tokens
// first, then the 256 bytes, then merges. Each merge joins the pair of
// adjacent tokens that is most frequent at that point (Sennrich et al. 2016,
// "Neural Machine Translation of Rare Words with Subword Units", section 3.2),
// ties going to the pair with the smaller ids, left id first, so the result
// depends on the texts alone. Training stops early, and Vocab() stays below
// vocab, when no pair is left that occurs twice. texts are ordinary text; what
// spells a special token in them is not treated as one.
//
// It returns an error if ctx ends, if vocab does not hold the bytes and the
// special tokens, or if a special token is empty, repeated or a byte.
func TrainBPE(ctx context.Context, texts iter.Seq[string], vocab int, special ...string) (*BPE, error) {
	t, err := trainBPE(ctx, texts, vocab, special)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: train: %w", err)
	}
	return t, nil
}

func trainBPE(ctx context.Context, texts iter.Seq[string], vocab int, special []string) (*BPE, error) {
	if low := 256 + len(special); vocab < low || vocab > maxTokens {
		return nil, fmt.Errorf("vocabulary of %d tokens, want %d (bytes and special tokens) to %d", vocab, low, maxTokens)
	}
	tr := trainer{
		tokens: make([]string, 0, min(vocab, 1<<16)),
		pairs:  map[pair]*occurrences{},
	}
	var added []addedToken
	for _, s := range special {
		added = append(added, addedToken{int32(len(tr.tokens)), true})
		tr.tokens = append(tr.tokens, s)
	}
	var bytes [256]int32
	for c, b := range runeByte { // in the alphabet's order, as GPT-2 numbers them
		if b >= 0 {
			bytes[b] = int32(len(tr.tokens))
			tr.tokens = append(tr.tokens, string(rune(c)))
		}
	}
	if err := tr.count(ctx, texts, &bytes); err != nil {
		return nil, err
	}
	var merges [][2]string
	for len(tr.tokens) < vocab {
		if len(merges)%64 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p, ok := tr.best()
		if !ok {
			break
		}
		left, right := tr.tokens[p.left], tr.tokens[p.right]
		if slices.Contains(special, left+right) {
			continue // a special token never comes out of ordinary text
		}
		// No two merges spell the same token: until a merge crosses the ends
		// of a stretch of text, what happens inside does not depend on what
		// is outside, so a spelling has one derivation.
		tr.merge(p, int32(len(tr.tokens)))
		tr.tokens = append(tr.tokens, left+right)
		merges = append(merges, [2]string{left, right})
	}
	return newBPE(tr.tokens, merges, added, false)
}

// A trainer holds the distinct words of the texts as tokens, and how often
// each pair of neighbours occurs; a merge visits only the words it changes.
type trainer struct {
	tokens []string // id -> spelling
	words  [][]int32
	freq   []int // word -> how often it occurs
	pairs  map[pair]*occurrences
	fresh  []pair          // pairs not queued yet
	queue  heap[candidate] // counts in it may be out of date: too high
}

type occurrences struct {
	count int
	words []int32 // that have or had the pair, ascending
}

type candidate struct {
	count int
	pair  pair
}

func (a candidate) before(b candidate) bool {
	if a.count != b.count {
		return a.count > b.count
	}
	if a.pair.left != b.pair.left {
		return a.pair.left < b.pair.left
	}
	return a.pair.right < b.pair.right
}

// count fills words, in order of first appearance, and the pairs' counts.
func (tr *trainer) count(ctx context.Context, texts iter.Seq[string], bytes *[256]int32) error {
	index := map[string]int32{}
	for text := range texts {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		splitWords(text, false, func(w string) {
			i, ok := index[w]
			if !ok {
				i = int32(len(tr.words))
				index[strings.Clone(w)] = i // not to hold on to the whole text
				word := make([]int32, len(w))
				for j := range word {
					word[j] = bytes[w[j]]
				}
				tr.words = append(tr.words, word)
				tr.freq = append(tr.freq, 0)
			}
			tr.freq[i]++
		})
		if len(tr.words) > math.MaxInt32 {
			return fmt.Errorf("more than %d distinct words", math.MaxInt32)
		}
	}
	for i, word := range tr.words {
		for j := 1; j < len(word); j++ {
			tr.gain(pair{word[j-1], word[j]}, int32(i))
		}
	}
	tr.enqueue()
	return nil
}

// gain records one more occurrence of p in word i.
func (tr *trainer) gain(p pair, i int32) {
	o := tr.pairs[p]
	if o == nil {
		o = &occurrences{}
		tr.pairs[p] = o
		tr.fresh = append(tr.fresh, p)
	}
	o.count += tr.freq[i]
	if n := len(o.words); n == 0 || o.words[n-1] != i {
		o.words = append(o.words, i)
	}
}

// lose records one occurrence less. A pair that was too rare is forgotten.
func (tr *trainer) lose(p pair, i int32) {
	if o := tr.pairs[p]; o != nil {
		o.count -= tr.freq[i]
	}
}

// enqueue queues the fresh pairs, whose counts can only fall from here: a pair
// gains only while the younger of its tokens is being merged.
func (tr *trainer) enqueue() {
	for _, p := range tr.fresh {
		tr.queue.push(candidate{tr.pairs[p].count, p})
	}
	tr.fresh = tr.fresh[:0]
}

// best takes the most frequent pair off the queue; false if none occurs twice.
func (tr *trainer) best() (pair, bool) {
	for len(tr.queue) > 0 {
		top := tr.queue.pop()
		switch now := tr.pairs[top.pair].count; {
		case now < 2:
			delete(tr.pairs, top.pair)
		case now == top.count:
			return top.pair, true
		default:
			tr.queue.push(candidate{now, top.pair})
		}
	}
	return pair{}, false
}

// merge replaces p by id wherever it occurs, from the left.
func (tr *trainer) merge(p pair, id int32) {
	for _, i := range tr.pairs[p].words {
		word := tr.words[i]
		n := 0 // word[:n] is done
		for j := 0; j < len(word); j++ {
			if j+1 == len(word) || word[j] != p.left || word[j+1] != p.right {
				word[n] = word[j]
				n++
				continue
			}
			if n > 0 {
				tr.lose(pair{word[n-1], p.left}, i)
				tr.gain(pair{word[n-1], id}, i)
			}
			if j+2 < len(word) {
				tr.lose(pair{p.right, word[j+2]}, i)
				tr.gain(pair{id, word[j+2]}, i)
			}
			word[n] = id
			n++
			j++
		}
		tr.words[i] = word[:n]
	}
	delete(tr.pairs, p)
	tr.enqueue()
}
