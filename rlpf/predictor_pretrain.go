package rlpf

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/noema-ml/noema/userllm/history"
)

// madeUp returns pretraining example i: a history that nobody has, of someone
// with a taste for one genre, and what such a one does next. Its answers are
// plain, so a model learns from a few hundred of them how a question is read;
// those about real users are too noisy to begin with. It comes of the catalogue
// alone and depends on the data's seed and i.
func (p *Predictor) madeUp(d PredictorData, i int) example {
	g := stream(d.Seed, fmt.Sprintf("predictor made-up %d", i))
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

// texts returns the texts of pretraining row i, of about size tokens: what an
// item is, told from its title and the other way round, and histories behind
// summaries of them.
func (p *Predictor) texts(d PredictorData, i, size int) *row {
	g := stream(d.Seed, fmt.Sprintf("predictor text %d", i))
	r := rand.New(g)
	out := &row{}
	tell := func(text string) {
		tokens := append([]int32{p.own(knownToken)}, p.Lang.Encode(" "+text)...)
		out.put(len(out.tokens), 0, tokens[:min(len(tokens), size)])
	}
	for len(out.tokens) < size {
		events := p.Lang.Data.Users[d.Users[r.IntN(len(d.Users))]].Events
		if len(events) == 0 {
			continue
		}
		if r.IntN(16) == 0 {
			pos := 1 + r.IntN(len(events))
			window := events[max(0, pos-d.Length):pos]
			text := p.Lang.Activities(window)
			if r.IntN(2) == 0 {
				text = RandomTemplate(g).Write(p.Lang, window, g) + " " + text
			}
			tell(text)
			continue
		}
		tell(p.Lang.describe(r, p.Lang.Data.Items[events[r.IntN(len(events))].Item]))
	}
	return out
}

// describe says what an item is, forwards or backwards.
func (l *Language) describe(r *rand.Rand, item history.Item) string {
	var facts []string
	for _, g := range item.Genres {
		facts = append(facts, l.Data.Genres[g])
	}
	r.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
	if item.Year > 0 {
		facts = append(facts, fmt.Sprintf("%ds", item.Year/10*10))
	}
	text := strings.Join(facts, ", ")
	if r.IntN(2) == 0 {
		return text + ": " + item.Title
	}
	return item.Title + ": " + text
}
