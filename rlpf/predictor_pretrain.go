package rlpf

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/noema-ml/noema/userllm/history"
)

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
