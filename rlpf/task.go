package rlpf

import (
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// A Task is what is asked about a user whose history is given. The names are
// those of results.json.
type Task string

const (
	FutureActivity      Task = "future_activity"       // the activity after the history
	FutureActivityGap50 Task = "future_activity_gap50" // the 50th activity after the history
	FavGenre            Task = "fav_genre"             // the commonest genre of the history; any that ties is right
	Age                 Task = "age"                   // the user's group of age
	Gender              Task = "gender"
	Occupation          Task = "occupation"
)

// Tasks lists all tasks. A data set may not have the answers to some of them: see
// [Asker.Tasks].
var Tasks = []Task{FutureActivity, FutureActivityGap50, FavGenre, Age, Gender, Occupation}

// gap is the distance from a history's last event to the target of
// FutureActivityGap50.
const gap = 50

// ahead returns the distance from the place of a question to its target, -1 if
// the task has no target.
func (t Task) ahead() int {
	switch t {
	case FutureActivity:
		return 0
	case FutureActivityGap50:
		return gap - 1
	}
	return -1
}

// Future reports whether the task asks for an activity to come.
func (t Task) Future() bool { return t.ahead() >= 0 }

// Recall returns how many of a predictor's first answers count: 3 for
// Occupation, scored by recall@3 as in the paper (arXiv 2409.04421, section 4),
// else 1.
func (t Task) Recall() int {
	if t == Occupation {
		return 3
	}
	return 1
}

// Question is one multiple-choice question about a user. The history to answer
// it from is the user's events [max(0, Pos−N), Pos).
type Question struct {
	Task    Task
	User    int
	Pos     int
	Ask     string   // the question, without the options
	Options []string // what each letter says, at most 26
	Items   []int32  // the options' items, for a future activity
	Answer  []int    // the places of the right options, ascending
	Widened int      // for a future activity: how often the search for options was widened

	chances []float64 // of each option to be the right one; nil if nobody can know
}

// Right reports whether option is a right answer.
func (q *Question) Right(option int) bool { return slices.Contains(q.Answer, option) }

// class is a closed list of answers that is the same for all users.
type class struct {
	names []string
	of    func(p history.Person) int
}

var ages = []int{1, 18, 25, 35, 45, 50, 56}

var classes = map[Task]class{
	Age: {
		[]string{"under 18", "18 to 24", "25 to 34", "35 to 44", "45 to 49", "50 to 55", "56 or more"},
		func(p history.Person) int { return slices.Index(ages, p.Age) },
	},
	Gender: {
		[]string{"female", "male"},
		func(p history.Person) int { return slices.Index([]string{"F", "M"}, p.Gender) },
	},
	Occupation: {
		history.Occupations[:],
		func(p history.Person) int { return p.Occupation },
	},
}

var asks = map[Task]string{
	FutureActivity:      "Which comes next?",
	FutureActivityGap50: "Which comes later?",
	FavGenre:            "Favourite genre?",
	Age:                 "Age?",
	Gender:              "Gender?",
	Occupation:          "Occupation?",
}
