package api

import (
	"encoding/xml"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
)

// members encodes the members of a generated shape, without an element around
// them. It differs from encoding/xml where AWS does: a list that is there and
// empty has its element (<vpcSet></vpcSet>), which SDKs read as an empty list
// and not as an absent one.
func members(out any) string {
	var b strings.Builder
	v := reflect.Indirect(reflect.ValueOf(out))
	for i := range v.NumField() {
		wire, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("xml"), ",")
		list, item, isList := strings.Cut(wire, ">")
		f := v.Field(i)
		switch {
		case f.IsNil():
		case f.Kind() == reflect.Map:
			b.WriteString("<" + list + ">")
			entries(&b, item, f)
			b.WriteString("</" + list + ">")
		case isList:
			b.WriteString("<" + list + ">")
			for j := range f.Len() {
				element(&b, item, f.Index(j))
			}
			b.WriteString("</" + list + ">")
		default:
			element(&b, wire, f.Elem())
		}
	}
	return b.String()
}

// entries writes a map in the order of its keys.
func entries(b *strings.Builder, item string, m reflect.Value) {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
	for _, key := range keys {
		b.WriteString("<" + item + ">")
		element(b, "key", key)
		element(b, "value", m.MapIndex(key))
		b.WriteString("</" + item + ">")
	}
}

func element(b *strings.Builder, name string, v reflect.Value) {
	b.WriteString("<" + name + ">")
	switch v.Kind() {
	case reflect.Struct:
		switch at := v.Interface().(type) {
		case model.Time:
			b.WriteString(at.UTC().Format(time.RFC3339))
		case model.Epoch:
			b.WriteString(at.UTC().Format(time.RFC3339))
		default:
			b.WriteString(members(at))
		}
	case reflect.String:
		_ = xml.EscapeText(b, []byte(v.String())) // a Builder does not fail
	case reflect.Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case reflect.Int32, reflect.Int64:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		b.WriteString(strconv.FormatFloat(v.Float(), 'g', -1, 64))
	default:
		panic(fmt.Sprintf("api: a generated shape has a member of type %s", v.Type()))
	}
	b.WriteString("</" + name + ">")
}
