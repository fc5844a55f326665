package model

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// JSON decodes the body into in, a pointer to a generated shape; an empty body
// is an empty object. Members are matched by their exact names, unlike in
// encoding/json, so that two spellings of one name cannot both be meant;
// members that the model does not know are ignored, as AWS ignores them. A
// value of another type than the model's is an error that names its member.
func (r *Input) JSON(in any) {
	if r.err != nil {
		return
	}
	if r.Document != nil {
		r.assign(in, r.Document)
		return
	}
	if len(r.Body) == 0 {
		return
	}
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		r.fail("", "Invalid request body")
		return
	}
	if doc == nil {
		r.fail("", "Invalid request body")
		return
	}
	r.assign(in, doc)
}

func (r *Input) assign(in, doc any) {
	if at, ok := assign(reflect.ValueOf(in).Elem(), doc, ""); !ok {
		r.fail(at, "Invalid request body")
	}
}

// assign sets v from a decoded document that is not null. If the types do not
// fit, at is the name of the member at fault.
func assign(v reflect.Value, doc any, name string) (at string, ok bool) {
	switch to := v.Addr().Interface().(type) {
	case *Epoch:
		return name, assignEpoch(to, doc)
	case *[]byte:
		return name, assignBytes(to, doc)
	}
	if u, is := v.Addr().Interface().(json.Unmarshaler); is {
		text, isText := doc.(string)
		return name, isText && u.UnmarshalJSON([]byte(strconv.Quote(text))) == nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return assign(v.Elem(), doc, name)
	case reflect.Struct:
		return assignStruct(v, doc, name)
	case reflect.Slice:
		return assignSlice(v, doc, name)
	case reflect.Map:
		return assignMap(v, doc, name)
	}
	return name, assignScalar(v, doc)
}

func assignEpoch(to *Epoch, doc any) bool {
	switch v := doc.(type) {
	case json.Number:
		return to.UnmarshalJSON([]byte(v)) == nil
	case time.Time:
		to.Time = v
		return true
	}
	return false
}

// assignBytes takes Base64 as JSON has it, or bytes as CBOR has them.
func assignBytes(to *[]byte, doc any) bool {
	switch v := doc.(type) {
	case []byte:
		*to = v
		return true
	case string:
		raw, err := base64.StdEncoding.DecodeString(v)
		*to = append([]byte{}, raw...)
		return err == nil
	}
	return false
}

func assignStruct(v reflect.Value, doc any, name string) (string, bool) {
	members, ok := doc.(map[string]any)
	if !ok {
		return name, false
	}
	for i := range v.NumField() {
		wire, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		value := members[wire]
		if wire == "-" || value == nil { // null is absent
			continue
		}
		if at, ok := assign(v.Field(i), value, wire); !ok {
			return at, false
		}
	}
	return "", true
}

func assignSlice(v reflect.Value, doc any, name string) (string, bool) {
	list, ok := doc.([]any)
	if !ok {
		return name, false
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, e := range list {
		if e == nil {
			return name, false
		}
		if at, ok := assign(v.Index(i), e, name); !ok {
			return at, false
		}
	}
	return "", true
}

func assignMap(v reflect.Value, doc any, name string) (string, bool) {
	members, ok := doc.(map[string]any)
	if !ok {
		return name, false
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for key, value := range members {
		if value == nil {
			return name, false
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if at, ok := assign(element, value, name); !ok {
			return at, false
		}
		v.SetMapIndex(reflect.ValueOf(key), element)
	}
	return "", true
}

func assignScalar(v reflect.Value, doc any) bool {
	switch v.Kind() {
	case reflect.String:
		s, ok := doc.(string)
		v.SetString(s)
		return ok
	case reflect.Bool:
		b, ok := doc.(bool)
		v.SetBool(b)
		return ok
	case reflect.Int32, reflect.Int64:
		n, ok := doc.(json.Number)
		i, err := strconv.ParseInt(n.String(), 10, v.Type().Bits())
		v.SetInt(i)
		return ok && err == nil
	case reflect.Float64:
		n, ok := doc.(json.Number)
		f, err := n.Float64()
		v.SetFloat(f)
		return ok && err == nil
	}
	panic(fmt.Sprintf("model: a generated shape has a member of type %s", v.Type()))
}
