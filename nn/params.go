package nn

import (
	"reflect"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Named is a parameter and its name in the model, such as
// "layers.3.attn.q_proj.weight".
type Named struct {
	Name  string
	Param *autograd.Param
}

// NamedBuffer is a tensor that belongs to a model's state but is not trained.
type NamedBuffer struct {
	Name   string
	Tensor *tensor.Tensor
}

// Params returns the parameters of m, a pointer to a module or a slice of
// them, in declaration order. It walks exported fields, pointers, slices,
// structs and interfaces. A field's name in snake case, or its tag
// `name:"..."`, is a segment of the parameter's name; an index is one in a
// slice; an embedded struct adds none. A parameter that is tied appears once,
// under its first name, and the tag "-" leaves a field out.
//
// It panics where a parameter would be missed or have no good name: in an
// unexported field, a map, a cycle, a module held by value in an interface, a
// field whose name has an initialism and no tag, or two parameters of one name.
func Params(m any) []Named {
	var ps []Named
	seen, names := map[*autograd.Param]bool{}, map[string]bool{}
	walk(m, walker{param: func(name string, p *autograd.Param) {
		if seen[p] {
			return
		}
		if names[name] {
			panic("nn: two parameters are named " + name)
		}
		seen[p], names[name] = true, true
		ps = append(ps, Named{name, p})
	}})
	return ps
}

// Buffers returns the tensors in m's exported fields, which a checkpoint saves
// beside the parameters. It panics where Params does.
func Buffers(m any) []NamedBuffer {
	var bs []NamedBuffer
	walk(m, walker{buffer: func(name string, t reflect.Value) {
		bs = append(bs, NamedBuffer{name, t.Interface().(*tensor.Tensor)})
	}})
	return bs
}

// NumParams returns how many numbers m's parameters hold, and how many of them
// are trained.
func NumParams(m any) (total, trained int) {
	for _, p := range Params(m) {
		n := p.Param.Value.Len()
		total += n
		if !p.Param.Frozen {
			trained += n
		}
	}
	return total, trained
}

// Cast converts m's parameters and floating-point buffers to dt and drops the
// gradients. A dt that only stores weights (bfloat16, float16, Q8_0) is for
// the matrices of linear layers, their LoRA and embeddings: everything else
// becomes float32, and so does a matrix whose rows are not whole blocks of dt.
// Such weights cannot be trained; freeze them.
func Cast(m any, dt tensor.DType) {
	matrices := map[*autograd.Param]bool{}
	walk(m, walker{module: func(_ string, m any) {
		switch m := m.(type) {
		case *Linear:
			matrices[m.Weight] = true
		case *LoRA:
			matrices[m.A], matrices[m.B] = true, true
		case *Embedding:
			matrices[m.Weight] = true
		}
	}})
	to := func(t *tensor.Tensor, weight bool) *tensor.Tensor {
		if _, stored := dt.Storage(); stored && (!weight || t.Dim(-1)%dt.Block() != 0) {
			return t.Cast(tensor.Float32)
		}
		return t.Cast(dt)
	}
	walk(m, walker{
		param: func(_ string, p *autograd.Param) { p.Value, p.Grad = to(p.Value, matrices[p]), nil },
		buffer: func(_ string, t reflect.Value) {
			b := t.Interface().(*tensor.Tensor)
			if _, stored := b.DType().Storage(); stored || b.DType().IsFloat() {
				*b = *to(b, false)
			}
		},
	})
}

// TrainOnly unfreezes the parameters whose names a pattern matches and freezes
// all others. In a pattern * stands for one segment of a name (or a part of
// one) and ** for any number: "layers.*.cross.**". No pattern freezes
// everything. A pattern that is malformed or matches nothing is an error, and
// then nothing changes.
func TrainOnly(m any, globs ...string) error {
	ps := Params(m)
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name
	}
	in, err := matchNames("parameter", names, globs)
	if err != nil {
		return err
	}
	for i, p := range ps {
		p.Param.Frozen = !in[i]
		if p.Param.Frozen {
			p.Param.Grad = nil
		}
	}
	return nil
}
