package run

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// marshal is json.Marshal that writes NaN and ±Inf as null, where json.Marshal
// fails: a loss that blew up must not lose the line that says so. A non-empty
// indent gives one field a line and a newline at the end.
func marshal(v any, indent string) ([]byte, error) {
	data, err := encode(v)
	if _, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
		data, err = encode(finite(reflect.ValueOf(v), 0))
	}
	if err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	if indent == "" {
		return data, nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", indent); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// encode leaves <, > and & as they are: nothing here is pasted into a page
// unescaped.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// finite copies v into maps, slices and scalars, with nil for every float that
// JSON cannot hold.
func finite(v reflect.Value, depth int) any {
	if !v.IsValid() || depth > 100 { // a cycle fails in json.Marshal before it comes here
		return nil
	}
	if v.CanInterface() && v.Kind() != reflect.Interface {
		switch v.Interface().(type) {
		case json.Marshaler, encoding.TextMarshaler:
			if v.Kind() == reflect.Pointer && v.IsNil() {
				return nil
			}
			return v.Interface()
		}
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return finite(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && (v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8) {
			return v.Interface()
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = finite(v.Index(i), depth+1)
		}
		return list
	case reflect.Map:
		m := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			m[fmt.Sprint(it.Key().Interface())] = finite(it.Value(), depth+1)
		}
		return m
	case reflect.Struct:
		m := map[string]any{}
		fields(m, v, depth)
		return m
	}
	return v.Interface()
}

func fields(m map[string]any, v reflect.Value, depth int) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" && opts == "":
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct: // of an unexported type, too
			fields(m, v.Field(i), depth+1)
			continue
		case !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		if strings.Contains(opts, "omitempty") && v.Field(i).IsZero() {
			continue
		}
		m[name] = finite(v.Field(i), depth+1)
	}
}

// A pair is one leaf of a JSON document: "model.dim" and 128.
type pair struct{ key, value string }

// flatten lists a JSON object's leaves with dotted names, in the order of the
// document. Lists are leaves.
func flatten(data []byte) ([]pair, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return flattenNext(d, "", nil)
}

func flattenNext(d *json.Decoder, key string, out []pair) ([]pair, error) {
	if strings.Count(key, ".") > 100 {
		return nil, fmt.Errorf("nested too deeply at %.40s", key)
	}
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		var s string
		if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
			return append(out, pair{key, s}), nil
		}
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil {
			return nil, err
		}
		return append(out, pair{key, b.String()}), nil
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	if _, err := in.Token(); err != nil { // {
		return nil, err
	}
	for in.More() {
		t, err := in.Token()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprint(t)
		if key != "" {
			name = key + "." + name
		}
		if out, err = flattenNext(in, name, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}
