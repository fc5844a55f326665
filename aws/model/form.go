package model

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// maxFieldName bounds the names of a form's fields that are looked at: more
// than the longest that a model can name.
const maxFieldName = 256

// Members decodes a form of the query protocol into in, a pointer to a
// generated shape: members by name, lists as name.member.1, structures as
// name.member.1.name. Fields that the model does not know are ignored, as AWS
// ignores them; a list ends at its first gap.
func (r *Input) Members(in any) { r.form(in, false) }

// EC2Members decodes a form of the ec2 protocol, which differs from query's:
// names begin in capitals, and the elements of a list stand at name.1.
func (r *Input) EC2Members(in any) { r.form(in, true) }

func (r *Input) form(in any, ec2 bool) {
	present := make(map[string]bool)
	for key := range r.Form {
		if len(key) > maxFieldName {
			continue
		}
		for i := range len(key) {
			if key[i] == '.' {
				present[key[:i]] = true
			}
		}
		present[key] = true
	}
	d := formDecoder{r, present, ec2}
	d.structure(reflect.ValueOf(in).Elem(), "")
}

type formDecoder struct {
	in      *Input
	present map[string]bool // every field, and every prefix of one
	ec2     bool
}

func (d formDecoder) structure(v reflect.Value, prefix string) {
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("xml"), ",")
		name, item, _ := strings.Cut(tag, ">")
		if d.ec2 {
			name, item = strings.ToUpper(name[:1])+name[1:], ""
		} else if item != "" {
			item += "."
		}
		if d.present[prefix+name] {
			d.value(v.Field(i), prefix+name, item)
		}
	}
}

// value decodes what stands under name; item is what a list calls its elements,
// with a dot.
func (d formDecoder) value(v reflect.Value, name, item string) {
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		for i := 1; i <= maxItems; i++ {
			at := name + "." + item + strconv.Itoa(i)
			if !d.present[at] {
				return
			}
			element := reflect.New(v.Type().Elem()).Elem()
			d.value(element, at, "")
			v.Set(reflect.Append(v, element))
		}
	case reflect.Map:
		d.entries(v, name+"."+item)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(v.Elem(), name, item)
	case reflect.Struct:
		switch at := v.Addr().Interface().(type) {
		case *Time:
			d.time(&at.Time, name)
			return
		case *Epoch:
			d.time(&at.Time, name)
			return
		}
		d.structure(v, name+".")
	default:
		d.scalar(v, name)
	}
}

// entries decodes a map: name.entry.1.key and name.entry.1.value.
func (d formDecoder) entries(v reflect.Value, name string) {
	v.Set(reflect.MakeMap(v.Type()))
	for i := 1; i <= maxItems; i++ {
		at := name + "." + strconv.Itoa(i)
		key := first(d.in.Form, at+".key")
		if key == nil {
			return
		}
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(element, at+".value", "")
		v.SetMapIndex(reflect.ValueOf(*key), element)
	}
}

func (d formDecoder) time(at *time.Time, name string) {
	text := first(d.in.Form, name)
	if text == nil {
		return
	}
	parsed, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		d.in.fail(name, "Invalid value '%s' for %s: not a timestamp", *text, name)
	}
	*at = parsed
}

func (d formDecoder) scalar(v reflect.Value, name string) {
	text := first(d.in.Form, name)
	if text == nil {
		return // only a prefix of other fields
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(*text)
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(*text)
		v.SetBool(b)
	case reflect.Int32, reflect.Int64:
		var n int64
		n, err = strconv.ParseInt(*text, 10, v.Type().Bits())
		v.SetInt(n)
	case reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(*text, 64)
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("model: a generated shape has a member of type %s", v.Type()))
	}
	if err != nil {
		d.in.fail(name, "Invalid value '%s' for %s", *text, name)
	}
}
