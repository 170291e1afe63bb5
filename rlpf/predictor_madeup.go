package rlpf

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/userllm/history"
)

// madeUp returns pretraining example i: a history that nobody has, and what such
// a one does next. It comes of the catalogue, how popular items are, what each genre of
// an item counts, what follows what, how much training users like each genre and how long
// timelines are alone, and depends on the data's seed and i. An eighth is plain, so that
// some hundreds of them teach how a question is read, and half ask for what follows, as
// there are thousands of such pairs to be learnt; the others are as hard as those about
// real users.
func (p *Predictor) madeUp(d PredictorData, i int) example {
	g := stream(d.Seed, fmt.Sprintf("predictor made-up %d", i))
	switch kind := rand.New(g).IntN(8); {
	case kind < 1:
		return p.plain(d, g)
	case kind < 4:
		return p.invented(d, g)
	}
	if e := p.successive(d, g); len(e.questions) > 0 {
		return e
	}
	return p.plain(d, g) // nothing follows from anything
}

// invented is madeUp for someone with a user's tastes. There may be too few users to
// learn from their own lives what a history or a summary says without learning these by
// heart. Every second one is asked where what comes next follows from what
// was last, which is seldom so else. That such places are chosen does no harm: not
// the right option is taught but the chances of all, which are what they are wherever
// it is asked, to one who knows what was last. So these contexts tell it.
func (p *Predictor) invented(d PredictorData, g *rand.PCG) example {
	r := rand.New(g)
	who, pos := d.Asker.inventLife(r)
	if who == nil {
		return example{}
	}
	follows := r.IntN(2) == 0
	if follows {
		pos = who.followingPlace(r, pos)
	}
	e := p.exampleAt(d, g, who.life, pos)
	if follows {
		e.context = p.Lang.recentContext(g, who.life.events[max(0, pos-d.Length):pos])
		for k := range e.questions[:len(e.questions)/2] {
			if q, ok := d.Asker.ask(r, FutureActivity, who.life, pos); ok {
				e.questions[k] = q
			}
		}
	}
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

// successive is madeUp for someone whose few events are any, and who does next what
// follows from one of the last two. The wrong options follow, as long after, from
// others of its genre: neither a genre nor how often something follows tells which is
// right.
func (p *Predictor) successive(d PredictorData, g *rand.PCG) example {
	r, a := rand.New(g), d.Asker
	lag := 0
	if r.IntN(3) == 0 {
		lag = 1
	}
	if len(a.leading[lag]) == 0 {
		return example{}
	}
	events := make([]history.Event, lags+r.IntN(3))
	for i := range events {
		events[i].Item = int32(r.IntN(len(a.Data.Items)))
		if a.Data.HasRatings {
			events[i].Rating = float32(1 + r.IntN(5))
		}
	}
	from := a.leading[lag][r.IntN(len(a.leading[lag]))]
	events[len(events)-1-lag].Item = from
	e := example{context: p.Lang.Activities(events)}
	if r.IntN(2) == 0 {
		told := Part{Fact: LastTitles, Count: len(events), Wording: r.IntN(60), Brief: r.IntN(2) == 0}
		e.context = Template{Parts: []Part{told}}.Write(p.Lang, events, g)
	}
	others := a.leading[lag]
	if genres := a.genres[from]; len(genres) > 0 {
		others, _ = p.byGenre(genres[0])
	}
	for range 3 * p.Config.Questions {
		if len(e.questions) == p.Config.Questions {
			break
		}
		if q, ok := a.successive(r, events, lag, others); ok {
			e.questions = append(e.questions, q)
		}
	}
	return e
}

// successive makes a question of what follows from the event that is lag before the
// last, with wrong options that follow from the others. It fails if all that follows
// is met already, or too little follows from the others.
func (a *Asker) successive(r *rand.Rand, events []history.Event, lag int, others []int32) (Question, bool) {
	q := Question{Task: FutureActivity, Ask: asks[FutureActivity], Answer: []int{0}}
	taken := map[int32]bool{} // titles that cannot be wrong options
	for _, e := range events {
		taken[a.same[e.Item]] = true
	}
	right, ok := a.successors.draw(r, lag, events[len(events)-1-lag].Item)
	if !ok || taken[a.same[right]] {
		return q, false
	}
	for item := range a.successors.after(events) {
		taken[a.same[item]] = true
	}
	q.Items = append(q.Items, right)
	const tries = 50
	for range tries {
		if len(q.Items) == options {
			break
		}
		wrong, ok := a.successors.draw(r, lag, others[r.IntN(len(others))])
		if ok && !taken[a.same[wrong]] {
			taken[a.same[wrong]] = true
			q.Items = append(q.Items, wrong)
		}
	}
	for _, i := range q.Items {
		q.Options = append(q.Options, a.Data.Items[i].Title)
	}
	q.permute(r)
	return q, len(q.Items) == options
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
