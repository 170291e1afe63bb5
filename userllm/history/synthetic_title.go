package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// titles makes names of items whose words tell of their genre.
type titles struct {
	rand   *rand.Rand
	genres []string // names, in alphabetical order
	words  []genreWords
	used   map[string]bool
}

type genreWords struct{ name, adjectives, nouns string }

// anyWords are those of every genre.
var anyWords = genreWords{"",
	"Silent Golden Amber Hidden Northern Last Second Little Long Broken White Distant",
	"Harbor River Garden Road House Window Winter Island Letter Bridge Morning Stranger"}

// ownWords are those of one genre, in alphabetical order of the genres.
var ownWords = []genreWords{
	{"Adventure", "Lost Savage Uncharted Emerald Daring Stormy", "Voyage Compass Jungle Expedition Summit Treasure"},
	{"Comedy", "Crazy Clumsy Merry Awkward Cheeky Jolly", "Wedding Neighbor Mixup Holiday Uncle Picnic"},
	{"Crime", "Crooked Guilty Midnight Dirty Ruthless Armed", "Heist Alibi Detective Syndicate Verdict Informer"},
	{"Documentary", "Living Vanishing Modern Forgotten Ordinary Unseen", "Planet Archive Workers Village Portrait Century"},
	{"Drama", "Fragile Bitter Quiet Wounded Honest Restless", "Daughter Promise Sorrow Farewell Mercy Inheritance"},
	{"Fantasy", "Enchanted Mystic Elven Cursed Crystal Ancient", "Dragon Wizard Kingdom Spell Unicorn Prophecy"},
	{"Horror", "Haunted Bloody Screaming Unholy Rotten Dreadful", "Crypt Ghoul Nightmare Asylum Corpse Seance"},
	{"Musical", "Dancing Singing Velvet Swinging Melodic Dazzling", "Serenade Ballroom Chorus Rhythm Melody Encore"},
	{"Romance", "Tender Secret Loving Passionate Sweet Moonlit", "Kiss Sweetheart Embrace Valentine Affair Longing"},
	{"Science", "Galactic Quantum Orbital Synthetic Cosmic Solar", "Android Starship Paradox Colony Signal Nebula"},
	{"War", "Fallen Marching Besieged Iron Valiant Burning", "Battalion Trench Armistice Regiment Siege Victory"},
	{"Western", "Dusty Lonesome Outlaw Galloping Rugged Prairie", "Sheriff Saloon Canyon Gunslinger Stampede Frontier"},
}

// newTitles takes genres from the list and makes up more where that ends.
func newTitles(r *rand.Rand, genres int) *titles {
	t := &titles{rand: r, used: map[string]bool{}}
	t.words = slices.Clone(ownWords[:min(genres, len(ownWords))])
	for len(t.words) < genres {
		var adjectives, nouns []string
		for range 6 {
			adjectives = append(adjectives, t.word(3)+"ish")
			nouns = append(nouns, t.word(3))
		}
		// The letters keep made-up genres behind the others, and in order.
		name := fmt.Sprintf("Z%04d %s", len(t.words), t.word(2))
		t.words = append(t.words, genreWords{name, strings.Join(adjectives, " "), strings.Join(nouns, " ")})
	}
	for _, w := range t.words {
		t.genres = append(t.genres, w.name)
	}
	return t
}

// name returns a new name for an item of the genre.
func (t *titles) name(genre int) string {
	pick := func(words func(genreWords) string) string {
		from := anyWords
		if t.rand.Float64() < 0.7 {
			from = t.words[genre]
		}
		return t.pick(words(from))
	}
	adjective := func(w genreWords) string { return w.adjectives }
	noun := func(w genreWords) string { return w.nouns }
	for try := 0; ; try++ {
		n := pick(noun)
		if try >= 5 {
			n = t.word(2 + try/10) // the words run out: a made-up place
		}
		var s string
		switch k := t.rand.IntN(10); {
		case k < 5:
			s = "The " + pick(adjective) + " " + n
		case k < 8:
			s = pick(adjective) + " " + n
		default:
			s = pick(noun) + " of the " + n
		}
		if !t.used[s] {
			t.used[s] = true
			return s
		}
	}
}

func (t *titles) pick(words string) string {
	list := strings.Fields(words)
	return list[t.rand.IntN(len(list))]
}

// word makes up a word that can be pronounced.
func (t *titles) word(syllables int) string {
	const onsets, vowels = "b d f g k l m n p r s t v z br dr gl tr st", "a e i o u"
	var s strings.Builder
	for range syllables {
		s.WriteString(t.pick(onsets) + t.pick(vowels))
	}
	w := s.String()
	return strings.ToUpper(w[:1]) + w[1:] + t.pick("n r s l m")
}
