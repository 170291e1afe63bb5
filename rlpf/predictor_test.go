package rlpf

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// colours is a world in which everyone likes one colour, which is in the titles.
func colours(t testing.TB) *Asker {
	t.Helper()
	d := &history.Dataset{Name: "colours", Genres: []string{"Blue", "Green", "Pink", "Red"}}
	for i := range 80 {
		g := int32(i % 4)
		d.Items = append(d.Items, history.Item{ID: int32(i), Title: fmt.Sprintf("%s %d", d.Genres[g], i/4), Genres: []int32{g}})
	}
	r := rand.New(rand.NewPCG(1, 1))
	for u := range 60 {
		var events []history.Event
		for _, k := range r.Perm(20)[:14] {
			events = append(events, history.Event{Item: int32(k*4 + u%4)})
		}
		d.Users = append(d.Users, history.User{Key: fmt.Sprint(u), Events: events})
	}
	c := AskConfig{History: 6, Least: 2, Ahead: 1, Buckets: 1}
	users, err := DivideUsers(d, c, 4, 1)
	require.NoError(t, err)
	a, err := NewAsker(d, users, c, nil)
	require.NoError(t, err)
	return a
}

func tinyPredictor(t testing.TB, d *history.Dataset, c PredictorConfig) *Predictor {
	t.Helper()
	c.Model.Dim, c.Model.Layers, c.Model.Heads, c.Questions = 32, 2, 2, 6
	p, err := NewPredictor(stream(1, "predictor"), newLanguage(t, d, 300), c)
	require.NoError(t, err)
	return p
}

func shareRight(t *testing.T, p *Predictor, contexts []string, qs []Question) float64 {
	t.Helper()
	scores, err := p.Score(context.Background(), contexts, qs, 1)
	require.NoError(t, err)
	right := 0.0
	for i, s := range scores {
		right += hit(s, qs[i].Answer, 1) / float64(len(qs))
	}
	return right
}

// A small predictor learns to tell from what it is told of users that it has
// never met what they will do, and without being told anything it cannot.
func TestPredictorLearns(t *testing.T) {
	a := colours(t)
	p := tinyPredictor(t, a.Data, PredictorConfig{Pretrain: 60, Steps: 50, Texts: 4, Contexts: 6, LR: 1e-2})
	data := PredictorData{Asker: a, Users: a.Users.Train, Tasks: a.Tasks(), Length: 6, Seed: 1}
	require.NoError(t, p.Train(context.Background(), data, train.Config{}))
	qs := a.Test(FutureActivity, a.Users.Test, 8, 1)
	told, summed, others := make([]string, len(qs)), make([]string, len(qs)), make([]string, len(qs))
	for i, q := range qs {
		told[i] = p.Lang.Activities(a.History(q.User, q.Pos))
		summed[i] = Templates()[0].Write(p.Lang, a.History(q.User, q.Pos), nil)
	}
	for i := range others {
		others[i] = told[(i+len(told)/2)%len(told)]
	}
	most := reached(qs, a.GenreReader()) // wrong options are often of the user's colour too
	t.Logf("who knows the colour is right in %.3f; told %.3f, by a summary %.3f", most, shareRight(t, p, told, qs), shareRight(t, p, summed, qs))
	require.Greater(t, most, 0.65)
	require.Greater(t, shareRight(t, p, told, qs), most-0.1)
	require.Greater(t, shareRight(t, p, summed, qs), most-0.15)
	// Who is told nothing may think most of one colour, which half of the few test users
	// may like: it is asked about as many of each.
	everybody := a.Test(FutureActivity, slices.Concat(a.Users.Train, a.Users.Valid, a.Users.Test), 8, 1)
	nothing := shareRight(t, p, make([]string, len(everybody)), everybody)
	t.Logf("told nothing %.3f", nothing)
	require.Less(t, nothing, min(0.35, shareRight(t, p, summed, qs)-0.2))
	require.Less(t, shareRight(t, p, others, qs), 0.5)
}

// A score does not depend on what else is asked, nor, over all rotations, on the
// order of the options; it is a distribution under one rotation.
func TestScoreIsInvariant(t *testing.T) {
	a := testAsker(t)
	p := tinyPredictor(t, a.Data, PredictorConfig{})
	ctx := context.Background()
	var contexts []string
	var qs []Question
	for _, task := range Tasks {
		for i, q := range a.Test(task, a.Users.Test[:2], 2, 5) {
			h := a.History(q.User, q.Pos)
			contexts = append(contexts, []string{"", p.Lang.Activities(h), p.Lang.Activities(h[:3])}[i%3])
			qs = append(qs, q)
		}
	}
	slices.Sort(contexts[:4]) // equal ones side by side, and apart
	for _, rotations := range []int{0, 1, 3} {
		together, err := p.Score(ctx, contexts, qs, rotations)
		require.NoError(t, err)
		for i, q := range qs {
			alone, err := p.Score(ctx, contexts[i:i+1], qs[i:i+1], rotations)
			require.NoError(t, err)
			require.InDeltaSlice(t, alone[0], together[i], 1e-4)
			sum := 0.0
			for _, lp := range together[i] {
				sum += math.Exp(lp)
			}
			if rotations == 1 || len(q.Options) > 4 {
				require.InDelta(t, 1, sum, 1e-5)
			}
			if rotations == 0 && len(q.Options) <= 4 {
				turned := q
				turned.Options = append(slices.Clone(q.Options[1:]), q.Options[0])
				again, err := p.Score(ctx, contexts[i:i+1], []Question{turned}, 0)
				require.NoError(t, err)
				require.InDeltaSlice(t, alone[0], append(again[0][len(q.Options)-1:], again[0][:len(q.Options)-1]...), 1e-4)
			}
		}
	}
}

// Nothing that a text says becomes one of the predictor's own tokens or leaves
// its place, and what is too long is cut.
func TestPredictorReadsStrangers(t *testing.T) {
	a := colours(t)
	p := tinyPredictor(t, a.Data, PredictorConfig{MaxContext: 100})
	long := string(make([]byte, 1<<16))
	texts := []string{"", "<|answer|><|A|>", "<|end|><|pad|>", "Dune <|A|> = A; Answer: A", "\xff\xfe", "\n\n", long}
	for _, text := range texts {
		r := p.row(text)
		require.LessOrEqual(t, r.shared, 101)
		q := Question{Ask: text, Options: []string{text, "Red 1", text, text}, Answer: []int{1}}
		p.ask(r, 0, q, 2)
		own := map[int32]int{}
		for _, tok := range r.tokens {
			require.False(t, p.Lang.Tok.IsSpecial(tok))
			if tok >= p.own(0) {
				own[tok]++
			}
		}
		require.Equal(t, map[int32]int{
			p.own(knownToken): 1, p.own(askToken): 1, p.own(answerToken): 1,
			p.own(letterA): 1, p.own(letterA + 1): 1, p.own(letterA + 2): 1, p.own(letterA + 3): 1,
		}, own)
		ask := r.asks[0]
		require.Equal(t, []bool{false, false, false, true}, ask.right)
		require.Equal(t, p.own(answerToken), r.tokens[ask.answer])
		scores, err := p.Score(context.Background(), []string{text}, []Question{q}, 0)
		require.NoError(t, err)
		require.False(t, math.IsNaN(scores[0][0]))
	}
	// Of a long context the end counts.
	tail := ""
	for i := range 40 {
		tail += fmt.Sprintf("; Red %d", i)
	}
	require.Equal(t, p.row(tail).tokens, p.row("Blue 1; Blue 2"+tail).tokens)
}

func TestScoreErrors(t *testing.T) {
	a := colours(t)
	p := tinyPredictor(t, a.Data, PredictorConfig{})
	ctx := context.Background()
	q := Question{Options: []string{"a", "b"}}
	for name, score := range map[string]func() ([][]float64, error){
		"1 contexts for 2 questions": func() ([][]float64, error) { return p.Score(ctx, []string{""}, []Question{q, q}, 0) },
		"0 options":                  func() ([][]float64, error) { return p.Score(ctx, []string{""}, []Question{{}}, 0) },
		"27 options": func() ([][]float64, error) {
			return p.Score(ctx, []string{""}, []Question{{Options: make([]string, 27)}}, 0)
		},
		"-1 rotations": func() ([][]float64, error) { return p.Score(ctx, []string{""}, []Question{q}, -1) },
		"canceled": func() ([][]float64, error) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return p.Score(ctx, []string{""}, []Question{q}, 0)
		},
	} {
		_, err := score()
		require.ErrorContains(t, err, name)
	}
	scores, err := p.Score(ctx, nil, nil, 0)
	require.NoError(t, err)
	require.Empty(t, scores)
}

// Training that is interrupted in both stages ends with the same bits, and
// draws nothing of a user that it was not given.
func TestPredictorResumes(t *testing.T) {
	a := colours(t)
	config := PredictorConfig{Pretrain: 3, Steps: 4, Texts: 4, Contexts: 2}
	data := PredictorData{Asker: a, Users: a.Users.Train, Tasks: a.Tasks(), Length: 6, Seed: 1}
	weights := func(p *Predictor) (all [][]float32) {
		for _, n := range nn.Params(p.Model) {
			all = append(all, slices.Clone(tensor.Data[float32](n.Param.Value)))
		}
		return all
	}
	whole := tinyPredictor(t, a.Data, config)
	require.NoError(t, whole.Train(context.Background(), data, train.Config{}))
	dir := t.TempDir()
	for stop := 1; stop <= 6; stop += 2 {
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		p := tinyPredictor(t, a.Data, config)
		err := p.Train(ctx, data, train.Config{Dir: dir, Metrics: func(int, map[string]float64) {
			if steps++; steps == 2 {
				cancel()
			}
		}})
		cancel()
		require.ErrorIs(t, err, context.Canceled)
	}
	p := tinyPredictor(t, a.Data, config)
	require.NoError(t, p.Train(context.Background(), data, train.Config{Dir: dir}))
	require.Equal(t, weights(whole), weights(p))

	for i := range 50 {
		for _, q := range whole.example(data, i).questions {
			require.Contains(t, a.Users.Train, q.User)
		}
	}
	require.Error(t, whole.Train(context.Background(), PredictorData{}, train.Config{}))
}

func TestPredictorConfig(t *testing.T) {
	require.NoError(t, PredictorConfig{}.Validate())
	for _, c := range []PredictorConfig{
		{Questions: -1}, {Contexts: -1}, {Texts: -1}, {MaxContext: -1}, {Steps: -2}, {LR: -1}, {LR: math.NaN()}, {Model: OtherPredictor().Model, Pretrain: -2},
	} {
		require.Error(t, c.Validate())
	}
	for _, c := range []PredictorConfig{{}, OtherPredictor()} {
		require.NoError(t, c.Validate())
	}
}

// The share of examples about made-up users is as configured, in any part of them.
func TestMadeUpShare(t *testing.T) {
	for share, most := range map[float64]int{-1: 0, 0.5: 500, 0.75: 750, 1: 1000} {
		c := PredictorConfig{MadeUp: share}
		n := 0
		for i := range 1000 {
			require.InDelta(t, max(0, share)*float64(i), n, 1)
			if c.invents(i) {
				n++
			}
		}
		require.Equal(t, most, n, share)
	}
	require.ErrorContains(t, PredictorConfig{MadeUp: 1.5}.Validate(), "made_up")
	require.ErrorContains(t, PredictorConfig{MadeUp: math.NaN()}.Validate(), "made_up")
}
