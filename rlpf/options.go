package rlpf

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// options is the number of options of a question about the future.
const options = 4

// step is how far the search for options is widened: they come from one cell of
// 2^years release years and 2^buckets buckets.
type step struct{ years, buckets int }

const allYears = 12 // more bits than any year has

// steps widens by years first, then by buckets, to all items in the end.
func steps(buckets int) []step {
	s := []step{{2, 0}, {3, 0}, {4, 0}, {5, 0}, {allYears, 0}}
	for k := range bits.Len(uint(buckets)) + 1 {
		s = append(s, step{allYears, k + 1})
	}
	return s
}

// grid divides the items into cells at every step. It is shifted against years
// and buckets by a random way. Each step's cells are made of whole cells of the
// step before.
type grid struct {
	a            *Asker
	liking       liking
	items        int // that are met in all
	p            *popularity
	year, bucket int
}

// candidate is an item and its chance to be drawn, up to a factor.
type candidate struct {
	item   int32
	chance float64
}

func (g *grid) candidate(item int32) candidate {
	return candidate{item, g.a.chance(g.p, g.liking, g.items, item)}
}

// cell returns the cell of an item.
func (g *grid) cell(s step, item int32) [2]int {
	return [2]int{(g.a.Data.Items[item].Year + g.year) >> s.years, (int(g.p.bucket[item]) + g.bucket) >> s.buckets}
}

// future makes a question of what comes in a timeline. Its options are items that
// are never met there, released within three years of each other and of one bucket
// of popularity, drawn by how popular they are and how likely to be met there. Where
// there are too few such items, years and buckets are widened, as Widened tells.
//
// Nothing in the options may tell which of them is the target. So an item that is
// likely to be met, and then cannot be a wrong option, is drawn the more often where
// it is not met: else wrong options would be of genres that the user does not care
// for, resemble each other, and be told from the target by that. And they are not
// those nearest to the target, which would be the one in the middle, but those of its
// cell in a grid that lies at random. If a cell has too few items, they join those of
// other such cells near by, and never those of a cell that has enough, which would be
// options for the target without having it as an option themselves.
func (a *Asker) future(r *rand.Rand, q Question, t timeline) (Question, bool) {
	p := a.popular[q.Task]
	at := q.Pos + q.Task.ahead()
	if p == nil || at >= len(t.events) {
		return q, false
	}
	target := t.events[at].Item
	met := make([]bool, len(a.Data.Items)) // by title
	for i, e := range t.events {
		if i < q.Pos && a.same[e.Item] == a.same[target] {
			return q, false
		}
		met[a.same[e.Item]] = true
	}
	g := grid{a: a, liking: t.fit.without(a.genres[target]), items: t.fit.items, p: p, year: r.IntN(1 << 5), bucket: r.IntN(1 << bits.Len(uint(len(p.items))))}
	for q.Widened = range p.steps {
		cell := g.around(target, q.Widened, met)
		if !massOf(cell).enough() {
			continue // nor would it be without smaller cells: none that has enough holds the commonest item
		}
		cell = g.apart(cell, q.Widened)
		m := massOf(cell)
		if !m.enough() || len(cell) == 0 || cell[0].item != target { // another item may stand for a title in a smaller cell
			continue
		}
		q.Items = spin(r, cell, m.total)
		for _, i := range q.Items {
			q.Options = append(q.Options, a.Data.Items[i].Title)
		}
		q.Answer = []int{0}
		q.permute(r)
		return q, true
	}
	return q, false
}

// mass is that of candidates: the sum of their chances, and the greatest.
type mass struct{ total, most float64 }

func massOf(cell []candidate) (m mass) {
	for _, c := range cell {
		m.add(c)
	}
	return m
}

func (m *mass) add(c candidate) {
	m.total += c.chance
	m.most = max(m.most, c.chance)
}

// enough reports whether options can be drawn from the cell: whether each item
// can be one of them in proportion to its chance. So no item has more than a
// quarter of the mass, and there are four or more.
func (m mass) enough() bool { return m.most*options <= m.total*(1+1e-9) }

// around returns the target and the items that are not met of the target's cell
// at a step; the target is the first. Of items of one title there is one.
func (g *grid) around(target int32, at int, met []bool) []candidate {
	same := g.a.same
	home := g.cell(g.p.steps[at], target)
	wide := g.p.steps[at].buckets
	low, high := home[1]<<wide-g.bucket, (home[1]+1)<<wide-g.bucket
	cell := []candidate{g.candidate(target)}
	taken := slices.Clone(met) // the target's title among them
	for _, items := range g.p.items[max(0, low):min(high, len(g.p.items))] {
		for _, i := range items {
			if !taken[same[i]] && g.cell(g.p.steps[at], i) == home {
				taken[same[i]] = true
				cell = append(cell, g.candidate(i))
			}
		}
	}
	return cell
}

// apart returns the candidates of a cell at a step except those of smaller cells that
// have enough.
func (g *grid) apart(cell []candidate, at int) []candidate {
	order := make([]int, len(cell)) // in which those of each smaller cell stand side by side
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := cell[i].item, cell[j].item
		return cmp.Or(cmp.Compare(g.p.bucket[a], g.p.bucket[b]), cmp.Compare(g.a.Data.Items[a].Year, g.a.Data.Items[b].Year), cmp.Compare(i, j))
	})
	gone := make([]bool, len(cell))
	for _, s := range g.p.steps[:at] {
		lacking := order[:0] // in cells that have not enough
		for len(order) > 0 {
			home := g.cell(s, cell[order[0]].item)
			var m mass
			n := 0
			for n < len(order) && g.cell(s, cell[order[n]].item) == home {
				m.add(cell[order[n]])
				n++
			}
			if m.enough() {
				for _, k := range order[:n] {
					gone[k] = true
				}
			} else {
				lacking = append(lacking, order[:n]...)
			}
			order = order[n:]
		}
		order = lacking
	}
	left := cell[:0]
	for k, c := range cell {
		if !gone[k] {
			left = append(left, c)
		}
	}
	return left
}

// spin draws the options of the first item of a cell: the items lie around a
// wheel in random order, each with an arc of its chance, and four spokes at
// right angles point to the options, one of them to a random point of the first
// item's arc. As every spoke could have been the first, the options do not tell
// which was; with draws one after the other the commonest of a small cell would
// be the likeliest.
func spin(r *rand.Rand, cell []candidate, total float64) []int32 {
	first := cell[0]
	wheel := slices.Clone(cell)
	r.Shuffle(len(wheel), func(i, j int) { wheel[i], wheel[j] = wheel[j], wheel[i] })
	at := slices.Index(wheel, first)
	wheel = append(wheel[at:], wheel[:at]...)
	point := first.chance * r.Float64()
	drawn := []int32{first.item}
	end := first.chance
	for _, c := range wheel[1:] {
		end += c.chance
		if point+total/options*float64(len(drawn)) < end && len(drawn) < options {
			drawn = append(drawn, c.item)
		}
	}
	return drawn
}

// draw takes n of the items, one after the other, each in proportion to its
// weight among those left. There must be n or more.
func draw(r *rand.Rand, from []int32, weight []float64, n int) []int32 {
	from = slices.Clone(from)
	var total float64
	for _, i := range from {
		total += weight[i]
	}
	drawn := make([]int32, 0, n)
	for range n {
		left, k := r.Float64()*total, 0
		for ; k < len(from)-1 && left >= weight[from[k]]; k++ {
			left -= weight[from[k]]
		}
		drawn = append(drawn, from[k])
		total -= weight[from[k]]
		from = slices.Delete(from, k, k+1)
	}
	return drawn
}
