package wire_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/wire"
)

// served calls fn with every (key, version) that Check knows.
func served(t testing.TB, fn func(key, version int16)) {
	n := 0
	for key := int16(-1); key < 200; key++ {
		for version := int16(-1); version < 30; version++ {
			if err := wire.Check(key, version, nil); errors.Is(err, kerr.UnsupportedVersion) {
				continue
			}
			n++
			fn(key, version)
		}
	}
	if n < 200 {
		t.Fatalf("only %d versions are known", n)
	}
}

// filler sets every field of a message to a random value.
type filler struct{ *rand.Rand }

func (f filler) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.Int64() >> (64 - v.Type().Bits()))
	case reflect.Uint16, reflect.Uint8:
		v.SetUint(f.Uint64() >> (64 - v.Type().Bits()))
	case reflect.Float64:
		v.SetFloat(f.Float64())
	case reflect.String:
		v.SetString(strings.Repeat("s", f.IntN(200)))
	case reflect.Pointer:
		if f.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Slice:
		n := f.IntN(4)
		if n == 3 {
			return // nil
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Version":
			case "UnknownTags":
				if f.IntN(4) == 0 {
					tags := v.Field(i).Addr().Interface().(*kmsg.Tags)
					tags.Set(100, []byte("later"))
					tags.Set(107, nil)
				}
			default:
				f.fill(v.Field(i))
			}
		}
	}
}

func randomRequest(t testing.TB, f filler, key, version int16) kmsg.Request {
	req := kmsg.RequestForKey(key)
	if req == nil || version > req.MaxVersion() {
		t.Fatalf("kmsg does not know key %d version %d", key, version)
	}
	f.fill(reflect.ValueOf(req).Elem())
	req.SetVersion(version)
	return req
}

// What kmsg writes passes the filter made from Kafka's own definitions, and
// comes back the same: the two descriptions of the protocol agree.
func TestEveryRequestPassesAndComesBack(t *testing.T) {
	f := filler{rand.New(rand.NewPCG(1, 2))}
	served(t, func(key, version int16) {
		for range 12 {
			req := randomRequest(t, f, key, version)
			body := req.AppendTo(nil)
			got, err := wire.Decode(key, version, body)
			if err != nil {
				t.Errorf("%s: %v\n%x", kmsg.NameForKey(key), err, body)
				return
			}
			if again := got.AppendTo(nil); !bytes.Equal(again, body) {
				t.Errorf("%s version %d:\n%x\n%x", kmsg.NameForKey(key), version, body, again)
				return
			}
			if len(body) == 0 {
				continue // ListGroups version 0
			}
			if err := wire.Check(key, version, body[:len(body)-1]); !errors.Is(err, kerr.InvalidRequest) {
				t.Errorf("%s version %d without its last byte: %v", kmsg.NameForKey(key), version, err)
				return
			}
		}
	})
}

func TestCheckAllocatesNothing(t *testing.T) {
	body := randomRequest(t, filler{rand.New(rand.NewPCG(5, 5))}, 1, 17).AppendTo(nil)
	if n := testing.AllocsPerRun(100, func() {
		if wire.Check(1, 17, body) != nil {
			t.Fatal("refused")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// cost runs fn and returns the time it took and the bytes it allocated.
func cost(fn func()) (time.Duration, uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	fn()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}

const (
	hostileTime  = time.Second // a busy machine stays below, a bomb costs several
	hostileBytes = 1 << 20
)

func TestTagBombs(t *testing.T) {
	tags := binary.AppendUvarint(nil, 1<<29)
	frame := append([]byte{0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff}, tags...) // in the header
	for name, fn := range map[string]func() error{
		"header": func() error { _, _, err := wire.ParseHeader(append(frame, 0, 0)); return err },
		"body": func() error {
			_, err := wire.Decode(18, 3, append([]byte{2, 'a', 2, 'b'}, tags...))
			return err
		},
		"ListGroups": func() error {
			_, err := wire.Decode(16, 3, append(bytes.Clone(tags), make([]byte, 50)...))
			return err
		},
		"many unknown tags": func() error {
			body := binary.AppendUvarint([]byte{2, 'a', 2, 'b'}, 100_000)
			for i := range uint64(100_000) {
				body = append(binary.AppendUvarint(body, i), 0)
			}
			_, err := wire.Decode(18, 3, body)
			return err
		},
		"the same tag again": func() error {
			_, err := wire.Decode(18, 3, []byte{2, 'a', 2, 'b', 2, 9, 0, 9, 0})
			return err
		},
	} {
		var err error
		took, bytes := cost(func() { err = fn() })
		if !errors.Is(err, kerr.InvalidRequest) || took > hostileTime || bytes > 4*hostileBytes {
			t.Errorf("%s: %v after %v and %d bytes", name, err, took, bytes)
		}
	}
}

// Whatever length or count stands at whatever place, it costs nothing.
func TestHostileLengthsEverywhere(t *testing.T) {
	patches := [][]byte{{0xff, 0xff, 0xff, 0xff, 0x0f}, {0x7f, 0xff, 0xff, 0xff}, {0x7f, 0xff}, {0xff, 0xff, 0xff, 0x7f}}
	f := filler{rand.New(rand.NewPCG(3, 4))}
	served(t, func(key, version int16) {
		body := randomRequest(t, f, key, version).AppendTo(nil)
		step := 1 + len(body)/150
		attack := func(at int) {
			for _, p := range patches {
				hostile := append(append(bytes.Clone(body[:at]), p...), body[at:]...)
				_, _ = wire.Decode(key, version, hostile)
				copy(hostile[at:], body[at:])
				copy(hostile[at:], p)
				_, _ = wire.Decode(key, version, hostile)
			}
		}
		took, allocated := cost(func() {
			for at := 0; at < len(body); at += step {
				attack(at)
			}
		})
		if took < hostileTime && allocated < hostileBytes {
			return
		}
		for at := 0; at < len(body); at += step { // the sum is not small: look at each
			if took, allocated := cost(func() { attack(at) }); took > hostileTime || allocated > hostileBytes {
				t.Errorf("%s version %d at byte %d: %v, %d bytes", kmsg.NameForKey(key), version, at, took, allocated)
			}
		}
	})
}

// A tag's content is decoded too if kmsg knows the tag, so the filter must know
// every tag that kmsg knows, wherever it may stand.
func TestHostileTagsEverywhere(t *testing.T) {
	f := filler{rand.New(rand.NewPCG(6, 7))}
	bomb := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	served(t, func(key, version int16) {
		req := randomRequest(t, f, key, version)
		if !req.IsFlexible() {
			return
		}
		body := req.AppendTo(nil)
		for at, b := range body {
			if b != 0 {
				continue // not an empty tag section
			}
			for tag := range byte(6) {
				for _, zeros := range []int{0, 1, 2, 4, 8, 12, 16} {
					content := append(make([]byte, zeros), bomb...)
					hostile := append(bytes.Clone(body[:at]), 1, tag, byte(len(content)))
					hostile = append(append(hostile, content...), body[at+1:]...)
					start := time.Now()
					_, _ = wire.Decode(key, version, hostile)
					if took := time.Since(start); took > hostileTime {
						t.Fatalf("%s version %d, tag %d at byte %d: %v", kmsg.NameForKey(key), version, tag, at, took)
					}
				}
			}
		}
	})
}

func TestArraysAreBounded(t *testing.T) {
	topics := kmsg.NewPtrMetadataRequest()
	topics.Version = 8
	topics.Topics = make([]kmsg.MetadataRequestTopic, 200_000)
	for i := range topics.Topics {
		topics.Topics[i].Topic = kmsg.StringPtr("")
	}
	if _, err := wire.Decode(3, 8, topics.AppendTo(nil)); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("200000 topics: %v", err)
	}
	if err := wire.Check(3, 8, make([]byte, 2<<20)); !errors.Is(err, kerr.InvalidRequest) {
		t.Errorf("2 MiB of Metadata: %v", err)
	}
}

func TestUnknownKeysAndVersions(t *testing.T) {
	for _, c := range [][2]int16{{200, 0}, {-1, 0}, {4, 1}, {52, 0}, {7, 0}, {71, 0}, {18, 5}, {18, 99}, {0, 2}, {0, 14}, {3, -1}, {32767, 32767}, {22, 6}} {
		if _, err := wire.Decode(c[0], c[1], make([]byte, 100)); !errors.Is(err, kerr.UnsupportedVersion) {
			t.Errorf("key %d version %d: %v", c[0], c[1], err)
		}
	}
}

func TestHeaders(t *testing.T) {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me"))
	served(t, func(key, version int16) {
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		frame := format.AppendRequest(nil, req, 77)[4:]
		h, body, err := wire.ParseHeader(frame)
		want := wire.Header{Key: key, Version: version, CorrelationID: 77, ClientID: "me"}
		if err != nil || h != want || !bytes.Equal(body, req.AppendTo(nil)) {
			t.Errorf("key %d version %d: %+v, body %x, %v", key, version, h, body, err)
		}
	})
	h, _, err := wire.ParseHeader([]byte{0, 200, 0, 0, 0, 0, 0, 5})
	if !errors.Is(err, kerr.UnsupportedVersion) || h.CorrelationID != 5 {
		t.Errorf("key 200: %+v %v", h, err)
	}
	if h, _, err := wire.ParseHeader([]byte{0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 1, 0, 1, 'x', 'b'}); err != nil || h.ClientID != "" || h.Version != 99 {
		t.Errorf("future ApiVersions, null client id, a tag: %+v %v", h, err)
	}
	for _, frame := range [][]byte{nil, {0, 3, 0, 0, 0, 0, 0}, {0, 3, 0, 0, 0, 0, 0, 1, 0}, {0, 3, 0, 0, 0, 0, 0, 1, 0, 9, 'x'}, {0, 3, 0, 0, 0, 0, 0, 1, 0x80, 0}} {
		if _, _, err := wire.ParseHeader(frame); !errors.Is(err, kerr.InvalidRequest) {
			t.Errorf("header %x: %v", frame, err)
		}
	}
}

func TestReadFrame(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789"), 50_000)
	stream := append(binary.BigEndian.AppendUint32(nil, uint32(len(long))), long...)
	stream = append(stream, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)
	r := bufio.NewReader(iotest.HalfReader(bytes.NewReader(stream)))
	if got, err := wire.ReadFrame(r, wire.MaxFrame, nil); err != nil || !bytes.Equal(got, long) {
		t.Fatalf("first frame: %d bytes, %v", len(got), err)
	}
	if got, err := wire.ReadFrame(r, wire.MaxFrame, nil); err != nil || len(got) != 8 {
		t.Fatalf("second frame: %x, %v", got, err)
	}
	if _, err := wire.ReadFrame(r, wire.MaxFrame, nil); err != io.EOF {
		t.Fatalf("end: %v", err)
	}
	for _, c := range []struct {
		in   string
		want error
	}{
		{"\x00\x00", io.ErrUnexpectedEOF},
		{"\x00\x00\x00\x09", io.ErrUnexpectedEOF},
		{"\x06\x00\x00\x00abc", io.ErrUnexpectedEOF},
		{"\x06\x40\x00\x01", kerr.InvalidRequest},
		{"\xff\xff\xff\xff", kerr.InvalidRequest},
		{"\x00\x00\x00\x00", kerr.InvalidRequest},
		{"GET / HTTP/1.1", kerr.InvalidRequest},
	} {
		var err error
		_, allocated := cost(func() {
			_, err = wire.ReadFrame(bufio.NewReader(strings.NewReader(c.in)), wire.MaxFrame, nil)
		})
		if !errors.Is(err, c.want) || allocated > hostileBytes {
			t.Errorf("%q: %v, %d bytes", c.in, err, allocated)
		}
	}
}

func TestResponseHeaders(t *testing.T) {
	meta := kmsg.NewPtrMetadataResponse()
	for version, want := range map[int16]string{1: "", 9: "\x00"} {
		meta.Version = version
		got := wire.AppendResponse([]byte("x"), 9, meta)
		body := "\x00\x00\x00\x09" + want + string(meta.AppendTo(nil))
		if string(got) != "x"+string(binary.BigEndian.AppendUint32(nil, uint32(len(body))))+body {
			t.Errorf("Metadata version %d: %x", version, got)
		}
	}
	versions := kmsg.NewPtrApiVersionsResponse()
	versions.Version = 3
	if got := wire.AppendResponse(nil, 9, versions); !bytes.Equal(got[8:], versions.AppendTo(nil)) {
		t.Errorf("ApiVersions has a flexible header: %x", got)
	}
}

// nullMeansSomething are the nullable arrays in which Java's clients take
// null; all others must arrive as empty.
var nullMeansSomething = map[string]bool{"1 Responses.Partitions.AbortedTransactions": true, "48 Entries": true}

// nullableArrays are those of all responses, from Kafka's own definitions.
func nullableArrays(t *testing.T) map[string]int16 {
	text, err := os.ReadFile("../../internal/gen/wire/testdata/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int16{}
	key, inside := "", false
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if line[0] != ' ' {
			inside = words[0] == "response"
			key = words[1]
		} else if inside {
			from, err := strconv.Atoi(strings.TrimSuffix(words[1], "+"))
			if err != nil {
				t.Fatal(err)
			}
			out[key+" "+words[0]] = int16(from)
		}
	}
	return out
}

func TestNilArraysReachJavaAsEmpty(t *testing.T) {
	arrays := nullableArrays(t)
	if len(arrays) < 5 {
		t.Fatalf("found %v", arrays)
	}
	for name, version := range arrays {
		var key int16
		var path string
		if _, err := fmt.Sscan(name, &key, &path); err != nil {
			t.Fatal(err)
		}
		resp := kmsg.ResponseForKey(key)
		resp.SetVersion(version)
		parts := strings.Split(path, ".")
		v := reflect.ValueOf(resp).Elem()
		for _, p := range parts[:len(parts)-1] { // one element on the way there
			s := fieldOf(t, v, p)
			s.Set(reflect.MakeSlice(s.Type(), 1, 1))
			v = s.Index(0)
		}
		frame := wire.AppendResponse(nil, 1, resp)
		got := kmsg.ResponseForKey(key)
		got.SetVersion(version)
		header := 8
		if resp.IsFlexible() {
			header++
		}
		if err := got.ReadFrom(frame[header:]); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		v = reflect.ValueOf(got).Elem()
		for _, p := range parts[:len(parts)-1] {
			v = fieldOf(t, v, p).Index(0)
		}
		if isNil := fieldOf(t, v, parts[len(parts)-1]).IsNil(); isNil != nullMeansSomething[name] {
			t.Errorf("%s arrives as null: %v", name, isNil)
		}
	}
}

// fieldOf finds a field by Kafka's name for it, which kmsg varies.
func fieldOf(t *testing.T, v reflect.Value, name string) reflect.Value {
	t.Helper()
	aliases := map[string]string{"responses": "topics", "lastknownelr": "lastknownelr"}
	f := v.FieldByNameFunc(func(n string) bool {
		return strings.EqualFold(n, name) || strings.EqualFold(n, aliases[strings.ToLower(name)])
	})
	if !f.IsValid() {
		t.Fatalf("%v has no field %s", v.Type(), name)
	}
	return f
}

// Every other array of every response is written as empty when it is nil: no
// key but those with nullable arrays may gain a null.
func TestNilSlicesOfAllResponsesDecode(t *testing.T) {
	served(t, func(key, version int16) {
		resp := kmsg.ResponseForKey(key)
		resp.SetVersion(version)
		frame := wire.AppendResponse(nil, 1, resp)
		header := 8
		if resp.IsFlexible() && key != 18 {
			header++
		}
		got := kmsg.ResponseForKey(key)
		got.SetVersion(version)
		if err := got.ReadFrom(frame[header:]); err != nil {
			t.Errorf("key %d version %d: %v", key, version, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	fill := filler{rand.New(rand.NewPCG(9, 9))}
	for _, key := range []int16{0, 1, 3, 18, 19, 75} {
		version := kmsg.RequestForKey(key).MaxVersion()
		if key == 18 {
			version = 4
		}
		req := randomRequest(f, fill, key, version)
		f.Add(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)[4:])
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := wire.ParseHeader(frame)
		if err != nil {
			return
		}
		req, err := wire.Decode(h.Key, h.Version, body)
		if err != nil {
			return
		}
		again := req.AppendTo(nil)
		if _, err := wire.Decode(h.Key, h.Version, again); err != nil {
			t.Fatalf("key %d version %d: accepted %x, not %x: %v", h.Key, h.Version, body, again, err)
		}
	})
}
