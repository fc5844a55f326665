package api

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
)

var errCBOR = errors.New("malformed CBOR")

// The major types of CBOR (RFC 8949 section 3.1).
const (
	cborUnsigned = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const (
	cborIndefinite = 31 // additional information: until a break
	cborEpoch      = 1  // the tag of a time in seconds
)

// decodeCBOR reads one value, in the types that encoding/json uses with
// numbers kept as text, []byte for byte strings and time.Time for epochs. Depth
// is bounded, and no more is allocated than the bytes present stand for.
func decodeCBOR(data []byte) (any, error) {
	d := &cborReader{rest: data}
	v := d.value(0)
	if d.err == nil && len(d.rest) > 0 {
		d.err = errCBOR
	}
	return v, d.err
}

type cborReader struct {
	rest []byte
	err  error
}

func (d *cborReader) fail() { d.err, d.rest = errCBOR, nil }

func (d *cborReader) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out
}

// head reads a data item's head: its type, its additional information and the
// number that this stands for.
func (d *cborReader) head() (major, info byte, n uint64) {
	b := d.take(1)
	if len(b) == 0 {
		return 0, 0, 0
	}
	major, info = b[0]>>5, b[0]&31
	switch {
	case info < 24:
		return major, info, uint64(info)
	case info <= 27:
		raw := d.take(1 << (info - 24))
		for _, c := range raw {
			n = n<<8 | uint64(c)
		}
		return major, info, n
	case info == cborIndefinite && major >= cborBytes && major != cborTag:
		return major, info, 0
	}
	d.fail()
	return 0, 0, 0
}

// ended takes the break that ends an indefinite item.
func (d *cborReader) ended() bool {
	if len(d.rest) > 0 && d.rest[0] == cborSimple<<5|cborIndefinite {
		d.rest = d.rest[1:]
		return true
	}
	return d.err != nil
}

func (d *cborReader) value(depth int) any {
	major, info, n := d.head()
	if depth > maxDepth {
		d.fail()
	}
	if d.err != nil {
		return nil
	}
	switch major {
	case cborUnsigned:
		return json.Number(strconv.FormatUint(n, 10))
	case cborNegative:
		if n > math.MaxInt64 {
			d.fail()
			return nil
		}
		return json.Number(strconv.FormatInt(-1-int64(n), 10))
	case cborBytes:
		return slices.Clone(d.text(major, info, n))
	case cborText:
		return string(d.text(major, info, n))
	case cborArray:
		list := []any{}
		for i := uint64(0); d.more(info, i, n); i++ {
			list = append(list, d.value(depth+1))
		}
		return list
	case cborMap:
		return d.members(info, n, depth)
	case cborTag:
		return d.tagged(n, depth)
	}
	return d.simple(info, n)
}

// more says whether a list has one more element.
func (d *cborReader) more(info byte, i, n uint64) bool {
	if d.err != nil {
		return false
	}
	if info == cborIndefinite {
		return !d.ended()
	}
	return i < n
}

// text reads a string, which may come in chunks.
func (d *cborReader) text(major, info byte, n uint64) []byte {
	if info != cborIndefinite {
		return d.take(n)
	}
	out := []byte{}
	for !d.ended() {
		m, i, n := d.head()
		if m != major || i == cborIndefinite {
			d.fail()
			return nil
		}
		out = append(out, d.take(n)...)
	}
	return out
}

func (d *cborReader) members(info byte, n uint64, depth int) any {
	out := map[string]any{}
	for i := uint64(0); d.more(info, i, n); i++ {
		key, ok := d.value(depth + 1).(string)
		if _, twice := out[key]; !ok || twice {
			d.fail()
			return nil
		}
		out[key] = d.value(depth + 1)
	}
	return out
}

// tagged reads a time; the value of any other tag is taken as it is.
func (d *cborReader) tagged(tag uint64, depth int) any {
	v := d.value(depth + 1)
	number, ok := v.(json.Number)
	if tag != cborEpoch || d.err != nil {
		return v
	}
	var at model.Epoch
	if !ok || at.UnmarshalJSON([]byte(number)) != nil {
		d.fail()
		return nil
	}
	return at.Time
}

func (d *cborReader) simple(info byte, n uint64) any {
	switch info {
	case 20, 21:
		return info == 21
	case 22, 23: // null, undefined
		return nil
	case 26:
		return floatNumber(float64(math.Float32frombits(uint32(n))))
	case 27:
		return floatNumber(math.Float64frombits(n))
	}
	d.fail()
	return nil
}

func floatNumber(f float64) any {
	return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
}

// encodeCBOR writes a shape, or a map of strings; nil is an empty map.
func encodeCBOR(v any) []byte {
	if v == nil {
		return cborHead(nil, cborMap, 0)
	}
	return appendCBOR(nil, reflect.ValueOf(v))
}

func cborHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func cborString(b []byte, s string) []byte {
	return append(cborHead(b, cborText, uint64(len(s))), s...)
}

func cborFloat(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, cborSimple<<5|27), math.Float64bits(f))
}

func appendCBOR(b []byte, v reflect.Value) []byte {
	switch x := v.Interface().(type) {
	case model.Epoch:
		b = cborHead(b, cborTag, cborEpoch)
		return cborFloat(b, float64(x.Truncate(time.Millisecond).UnixMilli())/1000)
	case []byte:
		return append(cborHead(b, cborBytes, uint64(len(x))), x...)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return appendCBOR(b, v.Elem())
	case reflect.String:
		return cborString(b, v.String())
	case reflect.Bool:
		if v.Bool() {
			return append(b, cborSimple<<5|21)
		}
		return append(b, cborSimple<<5|20)
	case reflect.Int32, reflect.Int64:
		if n := v.Int(); n < 0 {
			return cborHead(b, cborNegative, uint64(-1-n))
		}
		return cborHead(b, cborUnsigned, uint64(v.Int()))
	case reflect.Float64:
		return cborFloat(b, v.Float())
	case reflect.Slice:
		b = cborHead(b, cborArray, uint64(v.Len()))
		for i := range v.Len() {
			b = appendCBOR(b, v.Index(i))
		}
		return b
	case reflect.Map:
		return appendMapCBOR(b, v)
	case reflect.Struct:
		return appendStructCBOR(b, v)
	}
	panic(fmt.Sprintf("api: a generated shape has a member of type %s", v.Type()))
}

func appendMapCBOR(b []byte, v reflect.Value) []byte {
	members := make(map[string]reflect.Value, v.Len())
	for _, key := range v.MapKeys() {
		members[key.String()] = v.MapIndex(key)
	}
	b = cborHead(b, cborMap, uint64(len(members)))
	for _, key := range slices.Sorted(maps.Keys(members)) {
		b = appendCBOR(cborString(b, key), members[key])
	}
	return b
}

// appendStructCBOR writes the members that are present.
func appendStructCBOR(b []byte, v reflect.Value) []byte {
	var present []int
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			present = append(present, i)
		}
	}
	b = cborHead(b, cborMap, uint64(len(present)))
	for _, i := range present {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		b = appendCBOR(cborString(b, name), v.Field(i))
	}
	return b
}
