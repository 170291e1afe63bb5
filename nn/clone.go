package nn

import (
	"reflect"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Clone returns a copy of the module m that shares no parameter and no buffer
// with it. Gradients are not copied; a parameter that stands in several places
// is one in the copy too. It panics on what Params panics on.
func Clone[M any](m M) M {
	walk(m, walker{})
	c := cloner{}
	return c.value(reflect.ValueOf(m)).Interface().(M)
}

// cloner knows the copies of what it has met.
type cloner map[visit]reflect.Value

func (c cloner) value(v reflect.Value) reflect.Value {
	if !mayHold(v.Type(), anyHold) {
		return v
	}
	to := reflect.New(v.Type()).Elem()
	to.Set(v) // unexported fields hold nothing to be copied
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			to.Set(c.pointer(v))
		}
	case reflect.Interface:
		if !v.IsNil() {
			to.Set(c.value(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				to.Field(i).Set(c.value(v.Field(i)))
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && !v.IsNil() {
			to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			to.Index(i).Set(c.value(v.Index(i)))
		}
	}
	return to
}

func (c cloner) pointer(v reflect.Value) reflect.Value {
	at := visit{v.Pointer(), v.Type()}
	if to, ok := c[at]; ok {
		return to
	}
	var to reflect.Value
	switch x := v.Interface().(type) {
	case *autograd.Param:
		to = reflect.ValueOf(&autograd.Param{Value: x.Value.Clone(), Frozen: x.Frozen})
	case *tensor.Tensor:
		to = reflect.ValueOf(x.Clone())
	default:
		to = reflect.New(v.Type().Elem())
		c[at] = to // before its fields, which may lead back here past a tag "-"
		to.Elem().Set(c.value(v.Elem()))
		return to
	}
	c[at] = to
	return to
}
