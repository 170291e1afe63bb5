package rlpf

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// There is something of everything in the tiny run.
func TestTinyRun(t *testing.T) {
	r := tiny(t)
	require.NotEmpty(t, r.exam.Questions)
	hashes := map[string]bool{}
	for _, h := range r.hashes {
		hashes[h] = true
	}
	require.Len(t, hashes, len(r.hashes), "two stages have the same weights")
	outcomes := map[string][][]Outcome{}
	quality := map[string][]Quality{}
	for _, method := range r.run.Methods() {
		require.Len(t, r.answers[method], len(r.exam.Questions))
		outcomes[method] = [][]Outcome{r.answers[method], r.answers[method]}
		q, err := r.run.Quality(context.Background(), method, r.exam)
		require.NoError(t, err)
		quality[method] = q
	}
	figures, differences := Figures(1, r.exam.Questions, outcomes)
	figures = append(figures, QualityFigures(1, r.exam, quality)...)
	value := func(task Task, method, metric string) float64 {
		i := slices.IndexFunc(figures, func(f Figure) bool { return f.Task == string(task) && f.Method == method && f.Metric == metric })
		require.GreaterOrEqual(t, i, 0, "%s %s %s", task, method, metric)
		return figures[i].Value
	}
	for _, task := range []Task{FutureActivity, FutureActivityGap50, FavGenre} {
		for _, method := range Methods[:12] {
			require.Negative(t, value(task, method, "log-probability"))
			require.LessOrEqual(t, value(task, method, "accuracy-transfer"), 1.0)
			require.GreaterOrEqual(t, value(task, method, "tokens"), 0.0)
		}
	}
	require.Equal(t, 1.0, value(FutureActivity, "oracle", "accuracy"))
	require.Positive(t, value(FutureActivityGap50, "genre-counts", "accuracy"))
	require.Zero(t, value(FutureActivity, "options-only", "tokens"))
	require.Equal(t, 1.0, value(SummaryTask, "all-activities", "compression"))
	require.Len(t, differences, 3*len(compared)*2)
	way := func(f Figure) bool { return f.Metric == WayMetric }
	require.True(t, slices.ContainsFunc(figures, way))
	hardly := slices.Clone(outcomes[beforeName][0])
	i := slices.IndexFunc(hardly, func(o Outcome) bool { return o.Right == 0 })
	hardly[i].Right = 1
	outcomes[oracleName] = [][]Outcome{hardly, hardly}
	without, _ := Figures(1, r.exam.Questions, outcomes)
	require.False(t, slices.ContainsFunc(without, way), "one question of one user is no way")
	outcomes[oracleName] = outcomes[beforeName]
	without, _ = Figures(1, r.exam.Questions, outcomes)
	require.False(t, slices.ContainsFunc(without, way), "there is no way to where one is")
	for _, method := range []string{"first-x", "random-x", "last-x"} { // TestEqualTokens compares them
		require.Positive(t, value(SummaryTask, method, "tokens"))
	}
}

// Shuffled summaries are those of other users, each used once.
func TestShuffled(t *testing.T) {
	r := tiny(t)
	of := func(method string) []string {
		texts, err := r.run.Contexts(context.Background(), method, r.exam)
		require.NoError(t, err)
		return texts
	}
	require.ElementsMatch(t, of("rlpf"), of("shuffled"))
	for i, c := range r.exam.Cases {
		j := (i + len(r.exam.Cases)/2) % len(r.exam.Cases)
		require.NotEqual(t, c.User, r.exam.Cases[j].User)
	}
}

// Tokens that a predictor leaves out of a long context are not counted.
func TestTokensThatAreRead(t *testing.T) {
	r := tiny(t)
	p, err := r.run.Predictor(context.Background())
	require.NoError(t, err)
	p.Config.MaxContext = 9
	e := &Exam{Questions: r.exam.Questions[:2], Cases: []Case{{}, {}}, caseOf: []int{0, 1}}
	long := r.run.Lang.Activities(r.run.Data.Users[0].Events)
	out, err := r.run.answer(context.Background(), e, []string{long, "Mostly"}, p, nil, nil)
	require.NoError(t, err)
	require.Equal(t, 9, out[0].Tokens)
	require.Equal(t, len(r.run.Lang.Encode("Mostly")), out[1].Tokens)
}

// What a folder keeps of one exam is no answer to another one of the same size.
func TestExamsAreToldApart(t *testing.T) {
	ctx, r := context.Background(), tiny(t)
	e := *r.exam
	e.key = "another"
	_, err := r.run.Test(ctx, "rlpf", &e, nil)
	require.ErrorContains(t, err, "outcomes/rlpf.json is of another test")
	_, err = r.run.Contexts(ctx, "rlpf", &e)
	require.ErrorContains(t, err, "contexts/rlpf.json is of another test")
	require.Equal(t, r.exam.key, r.run.Exam().key)
	require.NotEqual(t, r.exam.key, r.run.exam(r.run.Asker.Tasks()[1:], r.run.Users.Test, 2).key)
	require.Len(t, r.exam.key, 16)
}

// An exam tells at which share of the places a task cannot be asked.
func TestMoved(t *testing.T) {
	r := tiny(t).run
	users := r.Users.Test
	for task, share := range r.exam(r.Asker.Tasks(), users, 2).Moved {
		cannot, all := 0.0, 0.0
		for _, u := range users {
			for _, pos := range r.Config.Ask.Places(len(r.Data.Users[u].Events), 2) {
				all++
				if _, ok := r.Asker.At(1, task, u, pos); !ok {
					cannot++
				}
			}
		}
		t.Logf("%s: %.0f of %.0f places", task, cannot, all)
		require.InDelta(t, cannot/all, share, 1e-9)
	}
}

// A task that hardly any test user can be asked about is left out, and said to be.
func TestTasksOfFewAreLeftOut(t *testing.T) {
	c := AskConfig{History: 6, Least: 2, Ahead: 1, Buckets: 4}
	for long, want := range map[int]bool{25: false, 5: true} { // one timeline of so many is long enough
		d := history.Synthetic(history.SyntheticConfig{Seed: 1, Users: 200, Items: 300, Events: 100})
		for i := range d.Users {
			if i%long > 0 {
				d.Users[i].Events = d.Users[i].Events[:40]
			}
		}
		u, err := DivideUsers(d, c, 1, 1)
		require.NoError(t, err)
		a, err := NewAsker(d, u, c, nil)
		require.NoError(t, err)
		require.Contains(t, a.Tasks(), FutureActivityGap50)
		var said []string
		r := &Run{Config: Config{Ask: c}.WithDefaults(), Data: d, Users: u, Asker: a, Log: func(msg string) { said = append(said, msg) }}
		asked := map[int]bool{}
		for _, q := range a.Test(FutureActivityGap50, u.Test, 8, 1) {
			asked[q.User] = true
		}
		t.Logf("%d of %d test users", len(asked), len(u.Test))
		has := false
		for _, q := range r.Exam().Questions {
			has = has || q.Task == FutureActivityGap50
		}
		require.Equal(t, want, has)
		require.Equal(t, want, len(said) == 0, said)
	}
}

// Where the folder names a template that there is not, all are tried again.
func TestUnknownTemplate(t *testing.T) {
	ctx, want := context.Background(), tiny(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(want.dir)))
	require.NoError(t, os.Remove(filepath.Join(dir, "contexts", "best-template.json")))
	path := filepath.Join(dir, "templates.json")
	var kept trials
	require.NoError(t, readJSON(path, &kept))
	kept.Best.Number = len(Templates())
	require.NoError(t, writeJSON(path, kept))
	r, err := NewRun(ctx, dir, tinyConfig(), tinyData(), nil, 1)
	require.NoError(t, err)
	got, err := r.Contexts(ctx, "best-template", want.exam)
	require.NoError(t, err)
	old, err := want.run.Contexts(ctx, "best-template", want.exam)
	require.NoError(t, err)
	require.Equal(t, old, got)
}

// A run that is interrupted in every stage, and each time begun again from its
// folder, ends as one that was never interrupted: the same weights, the same
// answers. The number of cores changes nothing.
func TestResumeIsExact(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run")
	}
	want := tiny(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	dir := t.TempDir()
	for _, stop := range []struct {
		stage string
		step  int
	}{
		{"lm", 2}, {"copying", 2}, {"before-rl", 3}, {"predictor", 3}, {"rlpf", 2}, {"second-predictor", 2},
		{"best-of-n-sft-samples", 1}, {"best-of-n-sft", 2},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := trainTiny(ctx, dir, func(stage string, step int) {
			if stage == stop.stage && step >= stop.step {
				cancel()
			}
		})
		require.ErrorIs(t, err, context.Canceled, "%+v", stop)
		cancel()
	}
	got, err := trainTiny(context.Background(), dir, nil)
	require.NoError(t, err)
	require.Equal(t, want.hashes, got.hashes)
	require.Equal(t, want.answers, got.answers)
	left, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A loaded summariser writes what the run's does, and knows what it cannot read.
func TestLoad(t *testing.T) {
	ctx := context.Background()
	r := tiny(t)
	s, err := Load(r.dir)
	require.NoError(t, err)
	policy, err := r.run.Policy(ctx)
	require.NoError(t, err)
	events := r.run.histories(r.exam)[3]
	want, err := r.run.Summariser(policy).Summarise(ctx, events)
	require.NoError(t, err)
	text, err := s.Summarise(ctx, events)
	require.NoError(t, err)
	require.Equal(t, want, text)
	_, err = s.Summarise(ctx, nil)
	require.ErrorContains(t, err, "no events")
	events = slices.Clone(events)
	events[1].Item = 200
	_, err = s.Summarise(ctx, events)
	require.ErrorContains(t, err, "event 1 is of item 200")

	damaged := t.TempDir()
	for _, name := range []string{aboutFile, tokenizerFile, policyName + ".safetensors"} {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		require.NoError(t, err)
		_, err = Load(damaged)
		require.ErrorContains(t, err, name)
		require.NoError(t, os.WriteFile(filepath.Join(damaged, name), text[:len(text)/2], 0o644))
		_, err = Load(damaged)
		require.ErrorContains(t, err, name)
		require.NoError(t, os.WriteFile(filepath.Join(damaged, name), text, 0o644))
	}
	_, err = Load(damaged)
	require.NoError(t, err)
}

func TestConfigIsChecked(t *testing.T) {
	require.NoError(t, Config{}.Validate())
	for says, change := range map[string]func(*Config){
		"vocab":     func(c *Config) { c.Vocab = -1 },
		"grade":     func(c *Config) { c.Reward.Grade = "praise" },
		"must not":  func(c *Config) { c.Reward.Tasks = []Task{FavGenre} },
		"learning":  func(c *Config) { c.Warm.LR = 2 },
		"length":    func(c *Config) { c.Reward.Length = math.NaN() },
		"made_up":   func(c *Config) { c.Reward.MadeUp = math.NaN() },
		"-Inf":      func(c *Config) { c.Reward.MadeUp = math.Inf(-1) },
		"LR":        func(c *Config) { c.RL.LR = -1 },
		"sarsa":     func(c *Config) { c.RL.Method = "sarsa" },
		"dim":       func(c *Config) { c.Model.Dim = -4 },
		"tokens":    func(c *Config) { c.Tokens = 5000 },
		"questions": func(c *Config) { c.Predictor.Questions = -1 },
	} {
		c := Config{}
		change(&c)
		require.ErrorContains(t, c.Validate(), says)
	}
}

// A longer budget trains more of everything, in proportion.
func TestScale(t *testing.T) {
	c, err := Scale(context.Background(), tinyConfig(), tinyData(), nil, time.Hour, 2, "")
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	for _, steps := range []int{c.Predictor.Pretrain, c.Predictor.Steps, c.Second.Pretrain, c.Second.Steps, c.Warm.Steps, c.RL.Steps} {
		require.Greater(t, steps, 50)
	}
	require.Equal(t, tinyConfig().WithDefaults().Exam, c.Exam)

	// A policy that is taken leaves its time to the predictors.
	c, err = Scale(context.Background(), tinyConfig(), tinyData(), nil, time.Hour, 1, tiny(t).dir)
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	for _, steps := range []int{c.Predictor.Pretrain, c.Predictor.Steps, c.Second.Pretrain, c.Second.Steps} {
		require.Greater(t, steps, 50)
	}
	require.Equal(t, tinyConfig().Warm.Steps, c.Warm.Steps)
	require.Equal(t, tinyConfig().RL.Steps, c.RL.Steps)
}

// What importers get is what is tested as greedy.
func TestGreedyIsSummarise(t *testing.T) {
	r := tiny(t)
	s, err := Load(r.dir)
	require.NoError(t, err)
	want, err := s.SummariseAll(context.Background(), r.run.histories(r.exam), nil)
	require.NoError(t, err)
	got, err := r.run.Contexts(context.Background(), greedyName, r.exam)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Seeds have the same readers and policies of their own.
func TestShareReaders(t *testing.T) {
	first, dir := tiny(t), t.TempDir()
	require.NoError(t, first.run.ShareReaders(context.Background(), dir))
	c := tinyConfig()
	c.Seed++
	r, err := NewRun(context.Background(), dir, c, tinyData(), nil, 1)
	require.NoError(t, err)
	r.Start = func(stage string, _, _ int) {
		require.Contains(t, []string{copyingName, beforeName}, stage, "a reader was trained again")
	}
	p, err := r.Predictor(context.Background())
	require.NoError(t, err)
	require.Equal(t, first.hashes["predictor"], train.WeightsSHA256(p.Model))
	second, err := r.Second(context.Background())
	require.NoError(t, err)
	require.Equal(t, first.hashes["second"], train.WeightsSHA256(second.Model))
	before, err := r.BeforeRL(context.Background())
	require.NoError(t, err)
	require.NotEqual(t, first.hashes["before-rl"], train.WeightsSHA256(before))

	require.FileExists(t, filepath.Join(dir, outcomesFile("all-activities")), "what is the same is not asked again")
	require.NoFileExists(t, filepath.Join(dir, outcomesFile("last-x")), "it has the length of this seed's summaries")
	out, err := r.Test(context.Background(), "options-only", r.Exam(), nil)
	require.NoError(t, err)
	require.Equal(t, first.answers["options-only"], out)
}
