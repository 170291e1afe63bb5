package history

import "slices"

// Item is something that a user can act on: a film, a business.
type Item struct {
	ID     int32   // dense: the index in Dataset.Items
	Key    string  // the identifier in the original data
	Title  string  // as a reader would write it: "The Matrix (1999)"; see [CleanTitle]
	Year   int     // of release, as in the title; 0 if unknown
	Genres []int32 // ascending indices into Dataset.Genres; may be empty
}

// Event is one act of a user.
type Event struct {
	Item   int32   // index into Dataset.Items
	Rating float32 // 0.5 to 5; 0 if there is none
	Time   int64   // Unix seconds; 0 if there is none
}

// User is one timeline, oldest event first.
type User struct {
	Key    string // the identifier in the original data
	Events []Event
}

// Dataset is the timelines of many users over one catalogue. Every item has at
// least one event in data sets that were loaded from files. Genres are
// categories where the items are not films.
type Dataset struct {
	Name       string
	Items      []Item
	Genres     []string // names, in alphabetical order
	Users      []User
	HasRatings bool // events carry ratings
	HasTimes   bool // events carry times
}

// NumEvents returns the number of events of all users.
func (d *Dataset) NumEvents() int {
	n := 0
	for i := range d.Users {
		n += len(d.Users[i].Events)
	}
	return n
}

// FavGenres returns the genres that occur most often in the events: all of those
// that tie for the first place, in ascending order. An event counts once for
// each genre of its item. The result is empty if no item has a genre. It is the
// answer of User-LLM's task FavGenre or FavCategory (arXiv 2402.13598, section
// 4.1), where any genre that ties is right.
//
// It panics if an event's item is not in the catalogue.
func (d *Dataset) FavGenres(events []Event) []int32 {
	counts := make([]int, len(d.Genres))
	for _, e := range events {
		for _, g := range d.Items[e.Item].Genres {
			counts[g]++
		}
	}
	if len(counts) == 0 || slices.Max(counts) == 0 {
		return nil
	}
	best := slices.Max(counts)
	var favourites []int32
	for g, n := range counts {
		if n == best {
			favourites = append(favourites, int32(g))
		}
	}
	return favourites
}
