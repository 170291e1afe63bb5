package rlpf

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/userllm/history"
)

// madeUp returns pretraining example i: a history that nobody has, and what such
// a one does next. It comes of the catalogue, how popular items are and how long
// timelines are alone, and depends on the data's seed and i. Some are plain, so
// that a few hundred of them teach how a question is read; the others are as hard
// as those about real users.
func (p *Predictor) madeUp(d PredictorData, i int) example {
	g := stream(d.Seed, fmt.Sprintf("predictor made-up %d", i))
	if rand.New(g).IntN(plainOf) == 0 {
		return p.plain(d, g)
	}
	return p.invented(d, g)
}

// plainOf: one of so many made-up users is plain.
const plainOf = 2

// invented is madeUp for someone with tastes like those of users, of whom there
// may be too few to learn from them what a history or a summary says without learning
// them by heart.
func (p *Predictor) invented(d PredictorData, g *rand.PCG) example {
	who, pos := d.Asker.inventLife(rand.New(g))
	if who == nil {
		return example{}
	}
	e := p.exampleAt(d, g, who.life, pos)
	for k := range e.questions {
		who.answer(&e.questions[k])
	}
	return e
}

// plain is madeUp for someone with a taste for one genre.
func (p *Predictor) plain(d PredictorData, g *rand.PCG) example {
	r := rand.New(g)
	data := p.Lang.Data
	taste := int32(r.IntN(max(1, len(data.Genres))))
	var events []history.Event
	add := func(item int32) {
		e := history.Event{Item: item}
		if data.HasRatings {
			e.Rating = float32(1 + r.IntN(5))
		}
		events = append(events, e)
	}
	liked, other := p.byGenre(taste)
	if len(liked) == 0 || len(other) < 3 {
		return example{}
	}
	for range 1 + r.IntN(12) {
		if r.IntN(5) == 0 {
			add(int32(r.IntN(len(data.Items))))
		} else {
			add(liked[r.IntN(len(liked))])
		}
	}
	e := example{context: p.Lang.anyContext(g, events)}
	if r.IntN(3) == 0 {
		e.context = data.Genres[taste]
	}
	for range p.Config.Questions {
		if r.IntN(4) == 0 {
			if q, ok := d.Asker.favourite(r, Question{Task: FavGenre, Ask: asks[FavGenre]}, events); ok {
				e.questions = append(e.questions, q)
			}
			continue
		}
		q := Question{Task: FutureActivity, Ask: asks[FutureActivity], Options: make([]string, 4), Answer: []int{r.IntN(4)}}
		for k := range q.Options {
			from := other
			if k == q.Answer[0] {
				from = liked
			}
			q.Options[k] = data.Items[from[r.IntN(len(from))]].Title
		}
		e.questions = append(e.questions, q)
	}
	return e
}

// byGenre returns the items that have a genre and those that have not.
func (p *Predictor) byGenre(genre int32) (in, out []int32) {
	for i, item := range p.Lang.Data.Items {
		has := false
		for _, g := range item.Genres {
			has = has || g == genre
		}
		if has {
			in = append(in, int32(i))
		} else {
			out = append(out, int32(i))
		}
	}
	return in, out
}
