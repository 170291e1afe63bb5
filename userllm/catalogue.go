package userllm

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/userllm/history"
)

// Task is a question about a user that the language model answers in words.
type Task uint8

// The tasks of User-LLM (arXiv 2402.13598, section 4.1). FavGenreNext asks for
// the favourite genre of the events to come, which counting the history cannot
// give away.
const (
	NextItem     Task = iota // the title of the next event's item
	FavGenre                 // the most frequent genre of the history
	FavGenreNext             // the most frequent genre of the next Horizon events
	numTasks
)

// Horizon is how many events FavGenreNext looks ahead.
const Horizon = 50

// String returns the task's name in results: "next_item", "fav_genre",
// "fav_genre_next".
func (t Task) String() string { return [...]string{"next_item", "fav_genre", "fav_genre_next"}[t] }

var taskTokens = [numTasks]string{"<|next|>", "<|genre|>", "<|next-genre|>"}

const endToken = "<|end|>"

// maxAnswer is the most tokens of an answer; longer titles are cut.
const maxAnswer = 48

// Catalogue is what a language model reads and writes about a data set: the
// titles of its items and the names of its genres, as tokens and as prefix
// trees. It is read-only.
type Catalogue struct {
	Data *history.Dataset // the items and genres; users are not read
	Tok  *tokenizer.BPE

	titles, genres [][]int32 // tokens of each answer, closed by the end token
	titleTree      *lm.Trie
	genreTree      *lm.Trie
	titleStems     [][]int32 // of each title; see stems
	genreStems     [][]int32
	items          [][]int32 // of each leaf of titleTree, ascending
	prompt         [numTasks]int32
	end            int32
}

// TrainTokenizer trains a byte-level BPE of at most vocab tokens on the titles
// and genres of d, with the special tokens that a Catalogue needs.
func TrainTokenizer(ctx context.Context, d *history.Dataset, vocab int) (*tokenizer.BPE, error) {
	texts := func(yield func(string) bool) {
		for i := range d.Items {
			if !yield(d.Items[i].Title) {
				return
			}
		}
		for _, g := range d.Genres {
			if !yield(g) {
				return
			}
		}
	}
	return tokenizer.TrainBPE(ctx, texts, vocab, append(taskTokens[:], endToken)...)
}

// NewCatalogue tokenizes the items and genres of d. It returns an error if tok
// lacks the special tokens of TrainTokenizer.
func NewCatalogue(d *history.Dataset, tok *tokenizer.BPE) (*Catalogue, error) {
	c := &Catalogue{Data: d, Tok: tok}
	for i, name := range append(taskTokens[:], endToken) {
		id, ok := tok.ID(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("catalogue: the tokenizer has no token %s", name)
		case i < int(numTasks):
			c.prompt[i] = id
		default:
			c.end = id
		}
	}
	for i := range d.Items {
		c.titles = append(c.titles, c.answer(d.Items[i].Title))
	}
	for _, g := range d.Genres {
		c.genres = append(c.genres, c.answer(g))
	}
	return c, c.plant()
}

// plant makes the trees of the titles and genres.
func (c *Catalogue) plant() (err error) {
	if c.titleTree, err = lm.NewTrie(c.titles); err != nil {
		return fmt.Errorf("catalogue: titles: %w", err)
	}
	if c.genreTree, err = lm.NewTrie(c.genres); err != nil {
		return fmt.Errorf("catalogue: genres: %w", err)
	}
	c.titleStems, c.genreStems = stems(c.titleTree, c.titles), stems(c.genreTree, c.genres)
	c.items = make([][]int32, c.titleTree.Leaves())
	for i := range c.titles {
		leaf := c.titleTree.Leaf(i)
		c.items[leaf] = append(c.items[leaf], int32(i))
	}
	return nil
}

// stems returns each answer up to the last token at which the tree leaves a
// choice: what a search asks of a language model. The rest is certain.
func stems(tree *lm.Trie, answers [][]int32) [][]int32 {
	out := make([][]int32, len(answers))
	for i, a := range answers {
		n, last := 0, 1
		tree.Path(tree.Leaf(i), func(allowed []int32, _ int) {
			if n++; len(allowed) > 1 {
				last = n
			}
		})
		out[i] = a[:last:last]
	}
	return out
}

func (c *Catalogue) answer(text string) []int32 {
	ids := c.Tok.Encode(text)
	return append(slices.Clip(ids[:min(len(ids), maxAnswer-1)]), c.end)
}

// excluding returns the titles all of whose items are in seen.
func (c *Catalogue) excluding(seen map[int32]bool) *lm.Excluded {
	var leaves []int32
	for item := range seen {
		leaf := c.titleTree.Leaf(int(item))
		if all(c.items[leaf], seen) {
			leaves = append(leaves, leaf)
		}
	}
	return c.titleTree.Without(leaves)
}

func all(items []int32, seen map[int32]bool) bool {
	for _, i := range items {
		if !seen[i] {
			return false
		}
	}
	return true
}

// Scored is an item and the log-probability of its title.
type Scored struct {
	Item  int32
	Score float64
}

// ranking turns answers into unseen items, best first, ties by item.
func (c *Catalogue) ranking(answers []lm.Answer, seen map[int32]bool) []Scored {
	var r []Scored
	for _, a := range answers {
		for _, i := range c.items[a.Leaf] {
			if !seen[i] {
				r = append(r, Scored{i, a.Score})
			}
		}
	}
	slices.SortStableFunc(r, func(a, b Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
	})
	return r
}
