package rlpf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// Of more genres than there are letters some are options, the right one among
// them, in questions about users and in made-up ones.
func TestManyGenres(t *testing.T) {
	const genres = 40
	d := &history.Dataset{Name: "many"}
	for g := range genres {
		d.Genres = append(d.Genres, fmt.Sprintf("Genre %d", g))
	}
	for i := range 4 * genres {
		d.Items = append(d.Items, history.Item{ID: int32(i), Title: fmt.Sprintf("Title %d", i), Genres: []int32{int32(i % genres)}})
	}
	r := rand.New(rand.NewPCG(1, 1))
	for u := range 60 {
		var events []history.Event
		for _, i := range r.Perm(len(d.Items))[:14] {
			events = append(events, history.Event{Item: int32(i)})
		}
		d.Users = append(d.Users, history.User{Key: fmt.Sprint(u), Events: events})
	}
	c := AskConfig{History: 6, Least: 2, Ahead: 1, Buckets: 1, SkipGenres: 2}
	users, err := DivideUsers(d, c, 4, 1)
	require.NoError(t, err)
	a, err := NewAsker(d, users, c, nil)
	require.NoError(t, err)
	check := func(q Question, favs []int32) {
		require.Len(t, q.Options, fewGenres)
		require.Len(t, q.Answer, 1)
		var names []string
		for _, g := range favs {
			names = append(names, d.Genres[g])
		}
		require.Contains(t, names, q.Options[q.Answer[0]])
	}
	for _, q := range a.Test(FavGenre, users.Test, 4, 1) {
		check(q, a.FavGenres(a.History(q.User, q.Pos)))
	}
	p := tinyPredictor(t, d, PredictorConfig{Pretrain: 2, Steps: 1, Texts: 2, Contexts: 2})
	data := PredictorData{Asker: a, Users: users.Train, Tasks: a.Tasks(), Length: 6, Seed: 1}
	made := 0
	for i := range 40 {
		for _, q := range p.madeUp(data, i).questions {
			if q.Task == FavGenre {
				require.Len(t, q.Options, fewGenres)
				require.Len(t, q.Answer, 1)
				made++
			}
		}
	}
	require.Positive(t, made)
	require.NoError(t, p.Train(context.Background(), data, train.Config{}))
}
