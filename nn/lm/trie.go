package lm

import (
	"fmt"
	"slices"
)

// Trie is the prefix tree of the token sequences that an answer may be, such
// as the titles of a catalogue. Every sequence ends with a token that occurs
// nowhere else in it, so no sequence is a prefix of another. Equal sequences
// share a leaf.
type Trie struct {
	nodes  []trieNode
	leafOf []int32 // of every sequence given
	ends   []int32 // the node of every leaf
	seqs   [][]int32
}

type trieNode struct {
	tokens []int32 // of the children, ascending
	next   []int32 // the children
	parent int32
	leaf   int32 // of the sequence that ends here, else -1
	leaves int32 // below and at this node
	only   int32 // the leaf below if there is one only, else -1
}

// NewTrie builds the tree of seqs. It returns an error if one is empty or a
// proper prefix of another.
func NewTrie(seqs [][]int32) (*Trie, error) {
	t := &Trie{nodes: []trieNode{{parent: -1, leaf: -1}}, leafOf: make([]int32, len(seqs))}
	for i, seq := range seqs {
		at := int32(0)
		for _, tok := range seq {
			if t.nodes[at].leaf >= 0 {
				return nil, fmt.Errorf("trie: sequence %d continues sequence of leaf %d", i, t.nodes[at].leaf)
			}
			k, found := slices.BinarySearch(t.nodes[at].tokens, tok)
			if !found {
				t.nodes = append(t.nodes, trieNode{parent: at, leaf: -1})
				n := &t.nodes[at]
				n.tokens = slices.Insert(n.tokens, k, tok)
				n.next = slices.Insert(n.next, k, int32(len(t.nodes)-1))
			}
			at = t.nodes[at].next[k]
		}
		n := &t.nodes[at]
		if len(seq) == 0 || len(n.next) > 0 {
			return nil, fmt.Errorf("trie: sequence %d is empty or a prefix of another", i)
		}
		if n.leaf < 0 {
			n.leaf = int32(len(t.seqs))
			t.ends = append(t.ends, at)
			t.seqs = append(t.seqs, slices.Clone(seq))
		}
		t.leafOf[i] = n.leaf
	}
	for i := len(t.nodes) - 1; i >= 0; i-- { // children come after their parents
		n := &t.nodes[i]
		n.only = n.leaf
		if n.leaf >= 0 {
			n.leaves = 1
		}
		for _, c := range n.next {
			n.leaves += t.nodes[c].leaves
			n.only = t.nodes[c].only
		}
		if n.leaves != 1 {
			n.only = -1
		}
	}
	return t, nil
}

// Leaves returns the number of different sequences.
func (t *Trie) Leaves() int { return len(t.seqs) }

// Depth returns the tokens of the longest sequence.
func (t *Trie) Depth() int {
	most := 0
	for _, s := range t.seqs {
		most = max(most, len(s))
	}
	return most
}

// Leaf returns the leaf of sequence i.
func (t *Trie) Leaf(i int) int32 { return t.leafOf[i] }

// Sequence returns the tokens that lead to a leaf.
func (t *Trie) Sequence(leaf int32) []int32 { return t.seqs[leaf] }

// Path calls visit for every step towards a leaf with the tokens that the tree
// allows there and which of them is taken. Scores renormalise over those.
func (t *Trie) Path(leaf int32, visit func(allowed []int32, taken int)) {
	at := int32(0)
	for _, tok := range t.seqs[leaf] {
		n := &t.nodes[at]
		k, _ := slices.BinarySearch(n.tokens, tok)
		visit(n.tokens, k)
		at = n.next[k]
	}
}

// Excluded is a set of leaves that may not be answered in one search.
type Excluded struct {
	count map[int32]int32 // excluded leaves below a node
}

// Without returns the set of the given leaves, which may repeat.
func (t *Trie) Without(leaves []int32) *Excluded {
	e := &Excluded{count: make(map[int32]int32, 4*len(leaves))}
	for _, leaf := range slices.Compact(slices.Sorted(slices.Values(leaves))) {
		for at := t.ends[leaf]; at >= 0; at = t.nodes[at].parent {
			e.count[at]++
		}
	}
	return e
}

// open reports whether a leaf below node may be answered.
func (t *Trie) open(e *Excluded, node int32) bool {
	return e == nil || e.count[node] < t.nodes[node].leaves
}
