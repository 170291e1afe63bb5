package tokenizer

// A merger applies merges to words, one word after another. The zero value is
// ready; it is for one goroutine.
type merger struct {
	nodes []node
	queue heap[proposal]
}

// A node is a token of the word, in a doubly linked list; id is -1 once it
// was merged into its left neighbour. Indices are of nodes; next is
// len(nodes) and prev -1 at the ends.
type node struct{ id, prev, next int32 }

// A proposal is a pair that may be merged: its rank and, in the low half, its
// left node. Lower ranks go first, and the leftmost of one rank.
type proposal uint64

func (p proposal) before(q proposal) bool { return p < q }
func (p proposal) rank() int32            { return int32(p >> 32) }
func (p proposal) at() int32              { return int32(p & (1<<32 - 1)) }

// maxWord bounds what is merged as one word; a position is
// an int32.
const maxWord = 1 << 30

// encode appends the tokens of word to out: of all adjacent pairs that have a
// merge, the one of lowest rank is merged, the leftmost first, until there is
// none. A heap of candidates makes this O(n log n), so that a long word in
// text from outside cannot stall the program.
func (m *merger) encode(t *BPE, out []int32, word string) []int32 {
	for len(word) > maxWord {
		out = m.encode(t, out, word[:maxWord])
		word = word[maxWord:]
	}
	m.nodes, m.queue = m.nodes[:0], m.queue[:0]
	for i := range len(word) {
		m.nodes = append(m.nodes, node{t.bytes[word[i]], int32(i - 1), int32(i + 1)})
	}
	for i := range len(word) - 1 {
		m.propose(t, int32(i))
	}
	for len(m.queue) > 0 {
		p := m.queue.pop()
		at := p.at()
		left := &m.nodes[at]
		if left.id < 0 || int(left.next) == len(m.nodes) {
			continue
		}
		right := &m.nodes[left.next]
		found, ok := t.merges[pair{left.id, right.id}]
		if !ok || found.rank != p.rank() {
			continue // a neighbour was merged since this was proposed
		}
		left.id, right.id = found.id, -1
		if left.next = right.next; int(left.next) < len(m.nodes) {
			m.nodes[left.next].prev = at
			m.propose(t, at)
		}
		if left.prev >= 0 {
			m.propose(t, left.prev)
		}
	}
	for i := int32(0); int(i) < len(m.nodes); i = m.nodes[i].next {
		out = append(out, m.nodes[i].id)
	}
	return out
}

// propose queues the pair that starts at node i, which has a right neighbour,
// if it has a merge.
func (m *merger) propose(t *BPE, i int32) {
	n := m.nodes[i]
	if found, ok := t.merges[pair{n.id, m.nodes[n.next].id}]; ok {
		m.queue.push(proposal(found.rank)<<32 | proposal(i))
	}
}
