package history

// Split divides each user's timeline by time: the last Held events are test
// targets, the Valid events before these are validation targets, and what comes
// before is for training. A target's history is every event before it, also
// earlier targets (rolling), as in User-LLM (arXiv 2402.13598, section 4.1),
// where the last item of each user is the test (Held 1).
//
// A user with fewer than MinHistory+Valid+Held events has no targets: all of the
// events are for training. So each target has at least MinHistory events before
// it, all of which are training events.
//
// A Split holds no state of its own; several goroutines may use one.
type Split struct {
	Dataset    *Dataset
	Held       int // test targets a user; 0: none
	Valid      int // validation targets a user; 0: none
	MinHistory int // least number of training events of a user with targets; below 1 means 1
}

// bounds returns the number of training events of user u and the position of the
// first test target; the validation targets lie between.
func (s *Split) bounds(u int) (train, test int) {
	n := len(s.Dataset.Users[u].Events)
	// Capped just beyond what a timeline can hold, so that no sum overflows.
	held, valid := min(max(s.Held, 0), n+1), min(max(s.Valid, 0), n+1)
	if min(max(s.MinHistory, 1), n+1)+valid+held > n {
		return n, n
	}
	return n - held - valid, n - held
}

// Train returns user u's training events. The slice ends there in capacity too,
// so that neither reslicing nor appending reaches a held event. It shares the
// data set's memory.
//
// It panics if u is not the index of a user, as all methods of Split do.
func (s *Split) Train(u int) []Event {
	train, _ := s.bounds(u)
	return s.Dataset.Users[u].Events[:train:train]
}

// ValidTargets returns the positions in user u's timeline of the validation
// targets, ascending.
func (s *Split) ValidTargets(u int) []int {
	return positions(s.bounds(u))
}

// TestTargets returns the positions in user u's timeline of the test targets,
// ascending.
func (s *Split) TestTargets(u int) []int {
	_, test := s.bounds(u)
	return positions(test, len(s.Dataset.Users[u].Events))
}

func positions(lo, hi int) []int {
	if lo == hi {
		return nil
	}
	p := make([]int, hi-lo)
	for i := range p {
		p[i] = lo + i
	}
	return p
}

// History returns the events of user u before position pos, capped in capacity
// as Train's. It panics if pos is outside the timeline.
func (s *Split) History(u, pos int) []Event {
	return s.Dataset.Users[u].Events[:pos:pos]
}

// Target returns the event of user u at position pos. It panics if pos is
// outside the timeline.
func (s *Split) Target(u, pos int) Event {
	return s.Dataset.Users[u].Events[pos]
}
