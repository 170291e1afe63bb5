package userllm

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// DualEncoder is the alternative encoder and baseline of User-LLM (arXiv
// 2402.13598, section 4.2): a user tower, whose last state stands for the
// history, and a label tower of the item's features, compared by dot product.
type DualEncoder struct {
	User  *Encoder
	Label *nn.Linear // of the item's embedding and genres
	Title *nn.Linear // of the item's title; nil: not read
	Out   *nn.Linear // of the user's last state

	logQ []float64 // of each item's share of the training targets
}

// NewDualEncoder returns a dual encoder with random weights. popularity is the
// number of training events of each item: the in-batch softmax takes off its
// logarithm, since popular items are negatives more often (Yi et al. 2019,
// "Sampling-bias-corrected neural modeling").
func NewDualEncoder(r *rand.PCG, c EncoderConfig, d *history.Dataset, popularity []int) *DualEncoder {
	c = c.withDefaults()
	e := &DualEncoder{
		User: NewEncoder(r, c, d),
		Out:  nn.NewLinear(r, c.Dim, c.Dim, true),
		logQ: make([]float64, len(popularity)),
	}
	width := c.Dim
	if e.User.Genre != nil {
		width += featureDim
	}
	e.Label = nn.NewLinear(r, width, c.Dim, true)
	e.User.dropHeads()
	total := 0
	for _, n := range popularity {
		total += n
	}
	for i, n := range popularity {
		e.logQ[i] = math.Log((float64(n) + 1) / float64(total+len(popularity)))
	}
	return e
}

// ReadTitles gives both towers the items' titles; see Encoder.ReadTitles.
func (e *DualEncoder) ReadTitles(r *rand.PCG, embed *nn.Embedding, titles [][]int32) {
	e.User.ReadTitles(r, embed, titles)
	e.User.dropHeads()
	e.Title = nn.NewLinear(r, embed.Weight.Value.Dim(1), e.User.Dim(), false)
}

// labels returns the label tower's vectors of items (1-based), [n, dim].
func (e *DualEncoder) labels(s *autograd.Scope, items *tensor.Tensor) *autograd.Var {
	x := e.User.Item.Forward(s, items)
	if e.User.Genre != nil {
		shares := s.Const(e.User.sharesOf(items))
		x = autograd.Concat(-1, x, e.User.Genre.Forward(s, shares))
	}
	x = e.Label.Forward(s, x)
	if e.Title != nil {
		x = autograd.Add(x, e.Title.Forward(s, e.User.Titles.of(s, items)))
	}
	return x
}

// states returns the user tower's vectors after the given places of the
// timelines, [len(at), dim]; a place is row·n + event.
func (e *DualEncoder) states(s *autograd.Scope, b *events, at []int32) *autograd.Var {
	h := autograd.Reshape(e.User.forward(s, b), b.rows*b.n, e.User.Dim())
	return e.Out.Forward(s, autograd.IndexSelect(h, 0, tensor.Of(at)))
}

// loss returns the summed in-batch softmax cross-entropy of the items that
// come after the given number of events of each timeline.
func (e *DualEncoder) loss(s *autograd.Scope, timelines [][]history.Event, visible [][]int, next [][]int32) (*autograd.Var, float64) {
	b := e.User.encode(timelines)
	var at, items []int32
	for r, vs := range visible {
		for k, v := range vs {
			at = append(at, int32(r*b.n+v-1))
			items = append(items, next[r][k]+1)
		}
	}
	n := len(items)
	u, v := e.states(s, b, at), e.labels(s, tensor.Of(items))
	logits := autograd.MatMul(u, autograd.Transpose(v, 0, 1)) // (n, n)
	shift, target := make([]float32, n), make([]int32, n)
	same := make([]bool, n*n) // another target's vector of the row's own item
	for i, x := range items {
		shift[i], target[i] = -float32(e.logQ[x-1]), int32(i)
		for j, y := range items {
			same[i*n+j] = i != j && x == y
		}
	}
	logits = autograd.Add(logits, s.Const(tensor.Of(shift).Cast(logits.DType())))
	logits = autograd.MaskedFill(logits, tensor.Of(same, n, n), math.Inf(-1))
	sum, count := nn.CrossEntropy(logits, tensor.Of(target), ignore, 0)
	return sum, float64(count)
}

// windowLoss is loss for the targets of windows.
func (e *DualEncoder) windowLoss(s *autograd.Scope, ws []window) (*autograd.Var, float64) {
	timelines, visible, next := make([][]history.Event, len(ws)), make([][]int, len(ws)), make([][]int32, len(ws))
	for r, w := range ws {
		timelines[r] = w.inputs()
		for at := w.firstTarget(); at < len(w.events); at++ {
			visible[r], next[r] = append(visible[r], at), append(next[r], w.events[at].Item)
		}
	}
	return e.loss(s, timelines, visible, next)
}

// dualScorer is a trained DualEncoder as a Scorer. It serves one goroutine.
type dualScorer struct {
	e     *DualEncoder
	s     *autograd.Scope
	items *tensor.Tensor // [items, dim]
}

// scorer computes the label vectors once; the returned function makes Scorers
// that share them.
func (e *DualEncoder) scorer() func() *dualScorer {
	ids := make([]int32, e.User.features.NumItems-1)
	for i := range ids {
		ids[i] = int32(i) + 1
	}
	s := autograd.Inference()
	defer s.Close()
	items := e.labels(s, tensor.Of(ids)).Detach()
	return func() *dualScorer { return &dualScorer{e, autograd.Inference(), items} }
}

// Score implements Scorer.
func (d *dualScorer) Score(timeline []history.Event, scores []float64) {
	if len(timeline) == 0 {
		return
	}
	d.s.Reset()
	b := d.e.User.encode([][]history.Event{timeline})
	u := d.e.states(d.s, b, []int32{b.lens[0] - 1})
	x := autograd.MatMul(u, d.s.Const(d.items.Transpose(0, 1)))
	for i, v := range tensor.Data[float32](x.Value()) {
		scores[i] = float64(v)
	}
}

func (d *dualScorer) flops() int64 {
	n := d.s.FLOPs
	d.s.FLOPs = 0
	return n
}
