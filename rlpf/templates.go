package rlpf

import "math/rand/v2"

// Templates returns the candidates for the rival "best template": fixed
// templates of several kinds, without a limit. All of them use the first wording
// of their facts, so they differ in what they tell alone.
func Templates() []Template {
	var out []Template
	for _, parts := range [][]Part{
		{{Fact: MostGenres, Count: 3}, {Fact: MostDecades, Count: 2}},
		{{Fact: MostGenres, Count: 3}, {Fact: SomeGenres, Count: 3}, {Fact: NoGenres, Count: 2}, {Fact: MostDecades, Count: 2}},
		{{Fact: GenreCounts, Count: 10}, {Fact: DecadeCounts, Count: 6}},
		{{Fact: LastTitles, Count: 16}},
		{{Fact: LastTitles, Count: 16, Brief: true}},
		{{Fact: FirstTitles, Count: 16, Brief: true}},
		{{Fact: AnyTitles, Count: 16, Brief: true}},
		{{Fact: MostGenres, Count: 3}, {Fact: BestTitles, Count: 6, Brief: true}, {Fact: WorstTitles, Count: 2, Brief: true}},
		{{Fact: RecentGenres, Count: 3}, {Fact: RecentDecades, Count: 2}, {Fact: LastTitles, Count: 16, Brief: true}},
		{{Fact: MostGenres, Count: 3}, {Fact: MostDecades, Count: 2}, {Fact: LastTitles, Count: 16, Brief: true}},
		{{Fact: GenreCounts, Count: 5}, {Fact: DecadeCounts, Count: 3}, {Fact: LastTitles, Count: 16, Brief: true}},
		{{Fact: MostGenres, Count: 3}, {Fact: AnyTitles, Count: 6, Brief: true}, {Fact: LastTitles, Count: 16, Brief: true}},
		{{Fact: GenreCounts, Count: 10}},
		{{Fact: MostGenres, Count: 3}, {Fact: LastTitles, Count: 16}},
		{{Fact: GenreCounts, Count: 10}, {Fact: LastTitles, Count: 16}},
	} {
		out = append(out, Template{Parts: parts})
	}
	return out
}

// weights says how often RandomTemplate tells of each fact.
var weights = [numFacts]int{
	MostGenres: 3, SomeGenres: 2, RareGenres: 1, NoGenres: 1, GenreCounts: 2, RecentGenres: 2,
	MostDecades: 2, DecadeCounts: 1, RecentDecades: 1,
	LastTitles: 3, FirstTitles: 1, AnyTitles: 2, BestTitles: 1, WorstTitles: 1, NumEvents: 1,
}

// always are facts that any history with titles and genres has.
var always = []Fact{MostGenres, GenreCounts, RecentGenres, LastTitles, FirstTitles, AnyTitles}

// RandomTemplate draws a template from the distribution that predictors read and, with
// shorter lists of titles, that warms up a policy: one to five different facts in any order, at least one of which needs neither
// years nor ratings; any of their wordings; up to three genres, two decades,
// eight counts or sixteen titles, half of the time in brief; and a limit of 20 to
// 80 tokens. It is broad, so that reinforcement learning has something to choose
// from. What it writes can be empty where a history has no genres or very long
// titles.
func RandomTemplate(r *rand.PCG) Template {
	g := rand.New(r)
	left := weights
	draw := func(from []Fact) Fact {
		total := 0
		for _, f := range from {
			total += left[f]
		}
		at := g.IntN(total)
		for _, f := range from {
			if at -= left[f]; at < 0 {
				left[f] = 0
				return f
			}
		}
		panic("unreachable: the weights sum to total")
	}
	all := make([]Fact, numFacts)
	for f := range all {
		all[f] = Fact(f)
	}
	facts := []Fact{draw(always)}
	for range g.IntN(5) {
		facts = append(facts, draw(all))
	}
	g.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	t := Template{Limit: 20 + g.IntN(61)}
	for _, f := range facts {
		most := 3
		switch {
		case f.form() == titleForm:
			most = 16
		case f.counted():
			most = 8
		case f.form() == decadeForm:
			most = 2
		}
		t.Parts = append(t.Parts, Part{Fact: f, Count: 1 + g.IntN(most), Wording: g.IntN(60), Brief: g.IntN(2) == 0})
	}
	return t
}

// briefTemplate draws a template of what a few words can say of tastes and of what was
// last: genres, counted or not, and so many of the last titles, of which RandomTemplate
// seldom tells alone. What a policy comes to write may be much like it, so predictors
// read many.
func briefTemplate(g *rand.Rand, titles int) Template {
	genres := Part{Fact: MostGenres, Count: 1 + g.IntN(3), Wording: g.IntN(60)}
	if g.IntN(4) > 0 {
		genres.Fact, genres.Count = GenreCounts, 1+max(g.IntN(8), g.IntN(8))
	}
	parts := []Part{genres}
	if titles > 0 {
		parts = append(parts, Part{Fact: LastTitles, Count: titles, Wording: g.IntN(60), Brief: g.IntN(4) == 0})
		g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	return Template{Parts: parts}
}

// fewTitles are the most titles of a list in texts that a policy learns to write. One
// that goes on to long lists, which are not worth their words, finds out that it is
// better to stop behind the first title before it can find out what the second is worth.
const fewTitles = 4

// warmTemplate draws a template for the warm start: RandomTemplate with short lists.
func warmTemplate(r *rand.PCG) Template {
	t := RandomTemplate(r)
	for i := range t.Parts {
		if p := &t.Parts[i]; p.Fact.form() == titleForm {
			p.Count = 1 + (p.Count-1)%fewTitles
		}
	}
	return t
}

// lastFew draws a template that copies a few of the last titles.
func lastFew(g *rand.Rand) Template {
	return Template{Parts: []Part{{Fact: LastTitles, Count: 1 + g.IntN(fewTitles), Wording: g.IntN(60)}}}
}
