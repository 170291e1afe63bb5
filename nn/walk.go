package nn

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var (
	paramType  = reflect.TypeFor[autograd.Param]()
	tensorType = reflect.TypeFor[tensor.Tensor]()
)

// walker visits what a model holds, in declaration order. Callbacks may be nil.
type walker struct {
	param  func(name string, p *autograd.Param)
	buffer func(name string, t reflect.Value) // a *tensor.Tensor, settable if in a field
	module func(name string, m any)           // a pointer to a struct
	path   map[visit]bool                     // pointers under way, to find cycles
}

type visit struct {
	ptr uintptr
	typ reflect.Type
}

// walk visits m. It panics on everything in which a parameter would be missed.
func walk(m any, w walker) {
	w.path = map[visit]bool{}
	v := reflect.ValueOf(m)
	if k := v.Kind(); k == reflect.Struct || k == reflect.Array {
		panic(fmt.Sprintf("nn: %T is a model by value; pass a pointer to it", m))
	}
	w.value(v, "")
}

func (w *walker) value(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		w.pointer(v, name)
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		e := v.Elem()
		if k := e.Kind(); (k == reflect.Struct || k == reflect.Array) && holds(e, map[visit]bool{}) {
			w.fail(name, v.Type(), fmt.Sprintf("an interface holds the module %v by value; store a pointer", e.Type()))
		}
		w.value(e, name)
	case reflect.Struct:
		if v.Type() == paramType || v.Type() == tensorType {
			w.fail(name, v.Type(), "is held by value; store a pointer")
		}
		w.fields(v, name)
	case reflect.Slice, reflect.Array:
		if mayHold(v.Type(), anyHold) {
			for i := range v.Len() {
				w.value(v.Index(i), join(name, strconv.Itoa(i)))
			}
		}
	case reflect.Map:
		if mayHold(v.Type(), paramHold) || holds(v, map[visit]bool{}) {
			w.fail(name, v.Type(), "a map holds parameters, whose order would be random; use a slice")
		}
	}
}

func (w *walker) pointer(v reflect.Value, name string) {
	if v.IsNil() {
		return
	}
	switch v.Type().Elem() {
	case paramType:
		if w.param != nil {
			w.param(name, v.Interface().(*autograd.Param))
		}
		return
	case tensorType:
		if w.buffer != nil {
			w.buffer(name, v)
		}
		return
	}
	if !mayHold(v.Type(), anyHold) {
		return
	}
	at := visit{v.Pointer(), v.Type()}
	if w.path[at] {
		w.fail(name, v.Type(), "the model holds itself: a cycle")
	}
	w.path[at] = true
	defer delete(w.path, at)
	if w.module != nil && v.Elem().Kind() == reflect.Struct {
		w.module(name, v.Interface())
	}
	w.value(v.Elem(), name)
}

func (w *walker) fields(v reflect.Value, name string) {
	t := v.Type()
	for i := range t.NumField() {
		f, fv := t.Field(i), v.Field(i)
		tag, tagged := f.Tag.Lookup("name")
		if tag == "-" || !mayHold(f.Type, anyHold) {
			continue
		}
		at := func() string { return join(name, f.Name) }
		if !f.IsExported() {
			if mayHold(f.Type, paramHold) || holds(fv, map[visit]bool{}) {
				w.fail(at(), f.Type, "an unexported field holds parameters, which would stay untrained; export it or tag it `name:\"-\"`")
			}
			continue
		}
		inner := name
		isTensor := f.Type == reflect.PointerTo(tensorType)
		switch s, ok := snake(f.Name); {
		case tagged:
			inner = join(name, tag)
		case f.Anonymous && !isTensor: // an embedded struct's fields are the outer one's
		case ok:
			inner = join(name, s)
		case isTensor || mayHold(f.Type, paramHold) || holds(fv, map[visit]bool{}):
			w.fail(at(), f.Type, "the field's name has an initialism; tag it, such as `name:\"ffn_norm\"`")
		}
		w.value(fv, inner)
	}
}

func (w *walker) fail(name string, t reflect.Type, why string) {
	panic(fmt.Sprintf("nn: %s (%v): %s", name, t, why))
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// What a type may hold.
type holding int

const (
	paramHold holding = iota // a Param, for certain types only
	anyHold                  // a Param, a tensor, or an interface with anything
)

// mayHold reports whether values of type t can hold what is asked for.
func mayHold(t reflect.Type, what holding) bool { return typeHolds(t, what, map[reflect.Type]bool{}) }

func typeHolds(t reflect.Type, what holding, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		if t == paramType {
			return true
		}
		if t == tensorType {
			return what == anyHold
		}
		for i := range t.NumField() {
			if typeHolds(t.Field(i).Type, what, seen) {
				return true
			}
		}
	case reflect.Interface:
		return what == anyHold
	case reflect.Map:
		return typeHolds(t.Key(), what, seen) || typeHolds(t.Elem(), what, seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return typeHolds(t.Elem(), what, seen)
	}
	return false
}

// holds reports whether the value v leads to a Param, through interfaces and
// unexported fields too.
func holds(v reflect.Value, seen map[visit]bool) bool {
	if !v.IsValid() || !mayHold(v.Type(), anyHold) {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer:
		at := visit{v.Pointer(), v.Type()}
		if v.IsNil() || seen[at] {
			return false
		}
		seen[at] = true
		return holds(v.Elem(), seen)
	case reflect.Interface:
		return !v.IsNil() && holds(v.Elem(), seen)
	case reflect.Struct:
		if v.Type() == paramType {
			return true
		}
		for i := range v.NumField() {
			if holds(v.Field(i), seen) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if holds(v.Index(i), seen) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if holds(it.Key(), seen) || holds(it.Value(), seen) {
				return true
			}
		}
	}
	return false
}
