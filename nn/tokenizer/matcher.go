package tokenizer

// A matcher finds the first of a set of strings in a text: a trie.
type matcher struct {
	first [256]bool // bytes that a string starts with
	next  map[edge]int32
	ids   []int32 // node -> the string's id, -1 inside a string
}

type edge struct {
	node int32
	char byte
}

func (m *matcher) add(s string, id int32) {
	if m.next == nil {
		m.next = map[edge]int32{}
		m.ids = []int32{-1}
	}
	m.first[s[0]] = true
	node := int32(0)
	for i := range len(s) {
		e := edge{node, s[i]}
		child, ok := m.next[e]
		if !ok {
			child = int32(len(m.ids))
			m.next[e] = child
			m.ids = append(m.ids, -1)
		}
		node = child
	}
	m.ids[node] = id
}

// find returns where the first string in text starts and ends, the longest of
// those that start there, and its id; at == end == len(text) if there is none.
func (m *matcher) find(text string) (at, end int, id int32) {
	if m.next == nil {
		return len(text), len(text), -1
	}
	for at = range len(text) {
		if !m.first[text[at]] {
			continue
		}
		node, id := int32(0), int32(-1)
		for i := at; i < len(text); i++ {
			child, ok := m.next[edge{node, text[i]}]
			if !ok {
				break
			}
			if node = child; m.ids[node] >= 0 {
				end, id = i+1, m.ids[node]
			}
		}
		if id >= 0 {
			return at, end, id
		}
	}
	return len(text), len(text), -1
}
