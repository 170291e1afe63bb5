package history

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// tied returns users with n events each: half at time 5, half at time 3, every
// half by ascending item.
func tied(users, n int) *Dataset {
	d := &Dataset{HasTimes: true}
	for i := range n {
		d.Items = append(d.Items, Item{ID: int32(i), Key: strconv.Itoa(i * 7)})
	}
	for u := range users {
		user := User{Key: strconv.Itoa(u)}
		for i := range n {
			time := int64(5)
			if i >= n/2 {
				time = 3
			}
			user.Events = append(user.Events, Event{Item: int32(i), Time: time})
		}
		d.Users = append(d.Users, user)
	}
	return d
}

func TestOrder(t *testing.T) {
	d := tied(2, 100)
	d.Order(1)
	first, second := d.Users[0].Events, d.Users[1].Events
	require.True(t, slices.IsSortedFunc(first, func(a, b Event) int { return int(a.Time - b.Time) }))
	require.NotEqual(t, first, second, "users tie in different orders")

	// About half of the neighbours in a tie ascend; in the file all do.
	up := 0
	for i := 1; i < 50; i++ {
		if first[i].Item > first[i-1].Item {
			up++
		}
	}
	require.InDelta(t, 24, up, 12)

	// The order does not depend on the one before, but on the seed.
	again := tied(2, 100)
	r := rand.New(rand.NewPCG(1, 2))
	for _, u := range again.Users {
		r.Shuffle(len(u.Events), func(i, j int) { u.Events[i], u.Events[j] = u.Events[j], u.Events[i] })
	}
	again.Order(1)
	require.Equal(t, d, again)
	again.Order(2)
	require.NotEqual(t, d, again)

	still := tied(1, 10)
	still.HasTimes = false
	still.Order(1)
	require.Equal(t, tied(1, 10).Users, still.Users)
}
