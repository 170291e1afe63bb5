package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type config struct {
	Fusion string  `json:"fusion"`
	Dim    int     `json:"dim"`
	Rate   float64 `json:"rate"`
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestFolder(t *testing.T) {
	root := t.TempDir()
	begun := config{"cross", 128, 1e-3}
	f, err := CreateNext(root, "userllm-ml/1m", begun)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "userllm-ml-1m-1"), f.Dir())
	g, err := CreateNext(root, "userllm-ml/1m", begun)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "userllm-ml-1m-2"), g.Dir())
	require.NoError(t, g.Close())

	if runtime.GOOS != "windows" {
		_, err = Open(f.Dir(), nil) // a lock belongs to the open file, not to the process
		require.ErrorContains(t, err, "in use by another process")
	}
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())

	_, err = Create(f.Dir(), begun)
	require.ErrorContains(t, err, "-resume")

	var saved config
	f, err = Open(f.Dir(), &saved)
	require.NoError(t, err)
	require.Equal(t, begun, saved)
	require.NoError(t, f.WriteFile("x", []byte("y")))
	require.NoError(t, f.Close())

	_, err = Open(f.Dir(), &struct{ Fusion string }{})
	require.ErrorContains(t, err, `unknown field "dim"`)
	_, err = Open(root, nil)
	require.ErrorContains(t, err, "holds no run")
	for _, bad := range []string{"", "{", "\x00\xff", `{"dim":"x"}`, strings.Repeat("[", 1<<17), strings.Repeat(" ", maxConfig+1)} {
		require.NoError(t, f.WriteFile(configName, []byte(bad)))
		_, err = Open(f.Dir(), &saved)
		require.ErrorContains(t, err, configName)
	}
}

func TestCreateFailsClean(t *testing.T) {
	root := t.TempDir()
	_, err := Create(filepath.Join(root, "r"), func() {})
	require.ErrorContains(t, err, "encode JSON")
	require.Empty(t, entries(t, root))
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o644))
	_, err = Create(filepath.Join(root, "file", "r"), config{})
	require.Error(t, err)
	_, err = Create(filepath.Join(root, "file"), config{})
	require.Error(t, err)
}

// The lock of a process that was killed blocks nobody. The test runs itself as
// the process to kill.
func TestLockOfKilledProcess(t *testing.T) {
	if dir := os.Getenv("NOEMA_LOCK_DIR"); dir != "" {
		_, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		time.Sleep(time.Minute) // it is killed long before
		return
	}
	dir := filepath.Join(t.TempDir(), "r")
	f, err := Create(dir, config{})
	require.NoError(t, err)
	require.NoError(t, f.Close())

	cmd := exec.Command(os.Args[0], "-test.run=^TestLockOfKilledProcess$")
	cmd.Env = append(os.Environ(), "NOEMA_LOCK_DIR="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, len("locked\n")))
	require.NoError(t, err)
	_, err = Open(dir, nil)
	require.ErrorContains(t, err, "in use by another process")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	f, err = Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestMetricsResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	write := func(m *Metrics, stage string, lo, hi int) {
		for i := lo; i <= hi; i++ {
			require.NoError(t, m.Log(map[string]any{"stage": stage, "step": i, "loss": 1 / float64(i)}))
		}
	}
	m, err := OpenMetrics(path)
	require.NoError(t, err)
	write(m, "pretrain", 1, 5)
	write(m, "train", 1, 9)
	require.NoError(t, m.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)

	for _, c := range []struct {
		stage string
		step  int
	}{{"train", 9}, {"train", 4}, {"train", 0}, {"pretrain", 5}, {"pretrain", 2}, {"pretrain", 0}} {
		// Torn at every place, rewound, and written again, it is the same file.
		for _, torn := range []string{"", "{", `{"stage":"train","step":10,"loss":0.1}`, "\x00\x00\x00\n", "{\"a\":1\n{\"b\":2}\n"} {
			require.NoError(t, os.WriteFile(path, append(bytes.Clone(whole), torn...), 0o644))
			m, err := OpenMetrics(path)
			require.NoError(t, err)
			require.NoError(t, m.Rewind(c.stage, c.step))
			if c.stage == "pretrain" {
				write(m, "pretrain", c.step+1, 5)
				write(m, "train", 1, 9)
			} else {
				write(m, "train", c.step+1, 9)
			}
			require.NoError(t, m.Close())
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(whole), string(got), "%+v torn %q", c, torn)
		}
	}
	m, err = OpenMetrics(path)
	require.NoError(t, err)
	require.NoError(t, m.Rewind("later", 0))
	require.NoError(t, m.Log(struct {
		Loss float64 `json:"loss"`
		Max  float32
		Deep map[string][]float64
		Skip int `json:"-"`
	}{math.NaN(), float32(math.Inf(1)), map[string][]float64{"a": {1, math.Inf(-1)}}, 1}))
	require.NoError(t, m.Close())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(whole)+`{"Deep":{"a":[1,null]},"Max":null,"loss":null}`+"\n", string(got))
	_, err = m.Write([]byte("x\n"))
	require.ErrorContains(t, err, path)
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte("{\"step\":1}\n{\"step\":2}\n{\"st"), 1)
	f.Add([]byte("null\n[]\n{\"step\":1e400}\n"), -1)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		path := filepath.Join(t.TempDir(), "m")
		require.NoError(t, os.WriteFile(path, data, 0o644))
		m, err := OpenMetrics(path)
		require.NoError(t, err)
		require.NoError(t, m.Rewind("", step))
		require.NoError(t, m.Close())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(data, got))
		require.True(t, len(got) == 0 || got[len(got)-1] == '\n')
	})
}

func TestResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	row := Row{Dataset: "d", Task: "next_item", Method: "user-llm", Metric: "recall@10", Value: 0.25, N: 610, Seeds: 1}
	require.NoError(t, Results{
		Results: []Row{row.Within(0.2, 0.3), row, {Value: math.NaN()}, Row{Value: math.Inf(1)}.Within(math.NaN(), 1)},
		Config: struct {
			config
			Loss float64
		}{config{"cross", 1, 0.5}, math.NaN()},
		Seed: math.MaxUint64, WeightsSHA256: "ab",
	}.Write(path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var raw struct {
		Results []map[string]any
		Commit  string
		Machine string
		Go      string
	}
	require.NoError(t, json.Unmarshal(data, &raw))
	require.Equal(t, map[string]any{"dataset": "d", "task": "next_item", "method": "user-llm", "metric": "recall@10",
		"value": 0.25, "low": 0.2, "high": 0.3, "n": 610.0, "seeds": 1.0}, raw.Results[0])
	require.Nil(t, raw.Results[1]["low"])
	require.Nil(t, raw.Results[2]["value"])
	require.NotEmpty(t, raw.Commit)
	require.Contains(t, raw.Machine, runtime.GOARCH)
	require.Equal(t, runtime.Version(), raw.Go)

	got, err := ReadResults(path)
	require.NoError(t, err)
	require.Equal(t, uint64(math.MaxUint64), got.Seed)
	require.Equal(t, map[string]any{"fusion": "cross", "dim": 1.0, "rate": 0.5, "Loss": nil}, got.Config)
	require.Equal(t, row.Within(0.2, 0.3), got.Results[0])
	require.True(t, got.Results[0].HasInterval())
	require.False(t, got.Results[3].HasInterval())
	require.True(t, math.IsNaN(got.Results[2].Value))

	require.NoError(t, Results{}.Write(path))
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), `"results": []`)
}

func TestTable(t *testing.T) {
	row := func(method, metric string, v float64) Row {
		return Row{Task: "next_item", Method: method, Metric: metric, Value: v}
	}
	rows := []Row{row("user-llm", "recall@10", 0.18).Within(0.15, 0.21), row("user-llm", "flops", 3.2e9),
		row("popularity", "recall@10", 0.04).Within(-0.01, 0.06), row("other", "accuracy", 1)}
	table := Pivot(rows, Metric{"next_item", "recall@10", ""}, Metric{"next_item", "flops", "FLOPs"})
	table.Note = "one\x1b[2Jline"
	var b bytes.Buffer
	require.NoError(t, table.Print(&b, 100))
	require.Equal(t, `method                    recall@10   FLOPs
───────────────────────────────────────────
user-llm        0.180 (0.150–0.210)  3.20 G
popularity  0.040 (−0.010 to 0.060)       –
one [2Jline
`, b.String())
	b.Reset()
	require.NoError(t, table.Print(&b, 30))
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len([]rune(line)), 38)
	}
	require.Equal(t, 2, strings.Count(b.String(), "user-llm"))
	require.NoError(t, Table{}.Print(io.Discard, 0))
	require.NoError(t, Table{Rows: [][]string{{"a"}, {}, {"b", "c"}}}.Print(io.Discard, 1))
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.12345: "0.123", 0.9998: "1", 0.00012: "0.00012", 0.5: "0.5", 2.314: "2.31", 12.34: "12.3", 610: "610", 1234: "1,234", 123.4: "123.4",
		12345: "12.3 k", 999999: "1000 k", 3.2e9: "3.20 G", 1.5e14: "150 T", 1e20: "1.0e+20", 1e-6: "1.0e-06", -2.5: "−2.5", math.Inf(-1): "−∞"} {
		require.Equal(t, want, Format(v))
	}
	require.Equal(t, "–", Format(math.NaN()))
	require.Equal(t, "0.100", FormatMetric("recall@10", 0.1))
	require.Equal(t, "0.5", FormatMetric("ms", 0.5))
	for d, want := range map[time.Duration]string{450 * time.Millisecond: "450 ms", 12 * time.Second: "12 s", 185 * time.Second: "3m05s", 134 * time.Minute: "2h14m"} {
		require.Equal(t, want, FormatDuration(d))
	}
}

func TestProgress(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	var b bytes.Buffer
	p := newProgress(&b, "train", "steps", 100, 300, false, clock)
	for i := 101; i <= 300; i++ {
		now = now.Add(100 * time.Millisecond)
		p.Set(i, "loss 2.31")
	}
	p.Done("saved")
	p.Set(300, "")
	p.Done("")
	require.Equal(t, "train · 200/300 steps (66 %) · 10 steps/s · 10 s left · loss 2.31\n"+
		"train · 300/300 steps (100 %) · 10 steps/s · loss 2.31\n"+
		"train · 20 s · saved\n", b.String())

	b.Reset()
	p = newProgress(&b, "read", "lines", 0, 0, true, clock)
	now = now.Add(time.Second)
	p.Set(5, strings.Repeat("x", 200))
	require.True(t, strings.HasPrefix(b.String(), "\r\x1b[Kread · 5 lines · 5 lines/s · xxx"))
	require.Less(t, len([]rune(b.String())), 84)
	p.Done("")
	require.True(t, strings.HasSuffix(b.String(), "\n"))
	NewProgress(&b, "x", "y", 0, 1).Done("")
}

func TestInterrupt(t *testing.T) {
	c := make(chan os.Signal)
	exited := make(chan int)
	ctx, stop := watch(c, io.Discard, func(code int) { exited <- code })
	require.NoError(t, ctx.Err())
	c <- os.Interrupt
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), ErrInterrupted)
	c <- os.Interrupt
	require.Equal(t, 130, <-exited)
	stop()
	stop()

	ctx, stop = Context()
	require.NoError(t, ctx.Err())
	stop()
	require.Error(t, ctx.Err())
}

func TestFlags(t *testing.T) {
	dir := t.TempDir()
	parse := func(args ...string) (string, error) {
		fs := flag.NewFlagSet("userllm", flag.ContinueOnError)
		fusion := Choice(fs, "fusion", "cross", "how the user enters the model", "cross", "soft")
		Choice(fs, "strategy", "", "what is trained", "full", "lora", "proj")
		length := Positive(fs, "length", 50, "events of a history")
		Int(fs, "k", 1, 1, 20, "")
		Float(fs, "lr", 1e-3, 0, 1, "learning rate")
		budget := Duration(fs, "budget", 0, "time to train")
		var help bytes.Buffer
		err := Parse(fs, args, &help)
		if err == nil {
			return *fusion + " " + FormatDuration(*budget) + " " + Format(float64(*length)), nil
		}
		return help.String(), err
	}
	got, err := parse("-fusion", "soft", "-budget", "30m", "-length=7")
	require.NoError(t, err)
	require.Equal(t, "soft 30m00s 7", got)
	for args, want := range map[string]string{
		"-fusion soup":          "want cross or soft",
		"-strategy x":           "want full, lora or proj",
		"-length 0":             "want a whole number of at least 1",
		"-length -5":            "-length",
		"-length 1e3":           "whole number",
		"-k 21":                 "from 1 to 20",
		"-lr NaN":               "from 0 to 1",
		"-budget 0s":            "such as 90s",
		"-budget 5":             "such as 90s",
		"-nope":                 "unknown flag -nope",
		"-fusion soft leftover": `"leftover"`,
		"-length":               "needs an argument",
	} {
		out, err := parse(strings.Fields(args)...)
		require.ErrorContains(t, err, want, args)
		require.NotContains(t, err.Error(), "\n")
		require.Empty(t, out)
		require.Equal(t, 2, Code(err), args)
	}
	help, err := parse("-h")
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Equal(t, 0, Code(err))
	require.Contains(t, help, "how the user enters the model: cross or soft (default cross)")
	require.Equal(t, 0, Code(nil))
	require.Equal(t, 1, Code(errors.New("x")))
	require.Equal(t, 130, Code(ErrInterrupted))

	file := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	require.NoError(t, CheckDir("data", dir))
	require.EqualError(t, CheckDir("data", file), "-data "+file+": not a folder")
	require.ErrorContains(t, CheckDir("data", filepath.Join(dir, "none")), "check the path")
	require.NoError(t, CheckWritable("json", filepath.Join(dir, "out.json")))
	require.ErrorContains(t, CheckWritable("json", dir), "want a file name")
	require.ErrorContains(t, CheckWritable("json", filepath.Join(dir, "none", "x")), "-json")
	require.Equal(t, []string{"f"}, entries(t, dir))
}
