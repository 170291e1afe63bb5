package rlpf

import "math/rand/v2"

// Templates returns the candidates for the rival "best template": fixed
// templates of several kinds, each at several lengths. All of them use the first
// wording of their facts, so they differ in what they tell alone.
func Templates() []Template {
	kinds := []struct {
		parts  []Part
		limits []int
	}{
		{[]Part{{MostGenres, 3, 0}}, []int{20}},
		{[]Part{{MostGenres, 3, 0}, {MostDecades, 2, 0}}, []int{30}},
		{[]Part{{MostGenres, 3, 0}, {SomeGenres, 3, 0}, {NoGenres, 2, 0}, {MostDecades, 2, 0}}, []int{40}},
		{[]Part{{GenreCounts, 10, 0}, {DecadeCounts, 6, 0}}, []int{40, 80}},
		{[]Part{{LastTitles, 10, 0}}, []int{20, 40, 80}},
		{[]Part{{FirstTitles, 10, 0}}, []int{40}},
		{[]Part{{AnyTitles, 10, 0}}, []int{40}},
		{[]Part{{BestTitles, 6, 0}, {WorstTitles, 2, 0}}, []int{60}},
		{[]Part{{RecentGenres, 3, 0}, {RecentDecades, 2, 0}, {LastTitles, 10, 0}}, []int{40, 80}},
		{[]Part{{MostGenres, 3, 0}, {MostDecades, 2, 0}, {LastTitles, 10, 0}}, []int{40, 60, 80}},
		{[]Part{{GenreCounts, 6, 0}, {DecadeCounts, 4, 0}, {LastTitles, 10, 0}}, []int{60, 80}},
		{[]Part{{MostGenres, 3, 0}, {MostDecades, 2, 0}, {BestTitles, 3, 0}, {LastTitles, 10, 0}}, []int{80}},
		{[]Part{{MostGenres, 3, 0}, {AnyTitles, 4, 0}, {LastTitles, 10, 0}}, []int{80}},
	}
	var out []Template
	for _, k := range kinds {
		for _, limit := range k.limits {
			out = append(out, Template{Parts: k.parts, Limit: limit})
		}
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

// RandomTemplate draws a template from the distribution that warms up a policy:
// one to five different facts in any order, at least one of which needs neither
// years nor ratings; any of their wordings; up to
// three genres or decades, and up to eight titles or counts; and a limit of 20 to 80 tokens. It is broad, so that
// reinforcement learning has something to choose from. What it writes can be
// empty where a history has no genres or very long titles.
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
		most := 8
		switch {
		case f.form() == decadeForm && !f.counted():
			most = 2
		case f.form() == decadeForm || f.form() == genreForm && !f.counted():
			most = 3
		}
		t.Parts = append(t.Parts, Part{Fact: f, Count: 1 + g.IntN(most), Wording: g.IntN(60)})
	}
	return t
}
