package history

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// builder gathers a data set while files are read: first the catalogue, then the
// events, both under the numbers of the files.
type builder struct {
	items   []Item
	genres  [][]string      // of each item, by name
	itemAt  map[int64]int32 // identifier to index in items
	users   []User
	ids     []int64 // of users
	userAt  map[int64]int
	lastID  int64 // the user of the last event, since files group events by user
	last    int
	ratings bool
	times   bool
}

func newBuilder(ratings, times bool) *builder {
	return &builder{
		itemAt: map[int64]int32{}, userAt: map[int64]int{}, last: -1,
		ratings: ratings, times: times,
	}
}

// addItem adds an item to the catalogue; genres are names.
func (b *builder) addItem(id int64, title string, genres []string) error {
	if _, ok := b.itemAt[id]; ok {
		return fmt.Errorf("item %d is listed twice", id)
	}
	if len(b.items) == math.MaxInt32 {
		return errors.New("too many items")
	}
	if strings.ContainsFunc(title, unicode.IsControl) {
		return fmt.Errorf("title of item %d has a control character", id)
	}
	if title = CleanTitle(title); title == "" {
		return fmt.Errorf("item %d has no title", id)
	}
	b.itemAt[id] = int32(len(b.items))
	b.items = append(b.items, Item{Key: strconv.FormatInt(id, 10), Title: title, Year: titleYear(title)})
	b.genres = append(b.genres, genres)
	return nil
}

// addUser returns the index of a user, new or known.
func (b *builder) addUser(id int64) int {
	if b.last >= 0 && b.lastID == id {
		return b.last
	}
	u, ok := b.userAt[id]
	if !ok {
		u = len(b.users)
		b.userAt[id] = u
		b.ids = append(b.ids, id)
		b.users = append(b.users, User{Key: strconv.FormatInt(id, 10)})
	}
	b.lastID, b.last = id, u
	return u
}

// addEvent adds an event of a user on an item of the catalogue.
func (b *builder) addEvent(user, item int64, rating float32, time int64) error {
	i, ok := b.itemAt[item]
	if !ok {
		return fmt.Errorf("item %d is not in the catalogue", item)
	}
	u := b.addUser(user)
	b.users[u].Events = append(b.users[u].Events, Event{i, rating, time})
	return nil
}

// dataset finishes the data set: users by number, items with events only and by
// number, genres by name, events in order. The order of the items carries no
// information on the events.
func (b *builder) dataset(name string) (*Dataset, error) {
	if len(b.users) == 0 {
		return nil, fmt.Errorf("history: %s: no events", name)
	}
	d := &Dataset{Name: name, HasRatings: b.ratings, HasTimes: b.times}

	used := make([]bool, len(b.items))
	for _, u := range b.users {
		for _, e := range u.Events {
			used[e.Item] = true
		}
	}
	ids := make([]int64, 0, len(b.items))
	for id, i := range b.itemAt {
		if used[i] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)

	for _, id := range ids {
		d.Genres = append(d.Genres, b.genres[b.itemAt[id]]...)
	}
	slices.Sort(d.Genres)
	d.Genres = slices.Clip(slices.Compact(d.Genres))

	dense := make([]int32, len(b.items))
	for n, id := range ids {
		i := b.itemAt[id]
		dense[i] = int32(n)
		item := b.items[i]
		item.ID = int32(n)
		for _, g := range b.genres[i] {
			at, _ := slices.BinarySearch(d.Genres, g)
			item.Genres = append(item.Genres, int32(at))
		}
		slices.Sort(item.Genres)
		item.Genres = slices.Compact(item.Genres)
		d.Items = append(d.Items, item)
	}

	order := make([]int, len(b.users))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(b.ids[x], b.ids[y]) })
	for _, u := range order {
		user := b.users[u]
		user.Events = slices.Clip(user.Events)
		for i := range user.Events {
			user.Events[i].Item = dense[user.Events[i].Item]
		}
		d.Users = append(d.Users, user)
	}
	d.Order(openSeed)
	return d, nil
}
