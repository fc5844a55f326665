package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kms"
)

// TestShapesSurviveCBOR: what is written is read back.
func TestShapesSurviveCBOR(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 250_000_000, time.UTC)
	want := kms.KeyMetadata{
		Arn: new("arn"), CreationDate: model.NewEpoch(at), Enabled: new(true), MultiRegion: new(false), PendingDeletionWindowInDays: new(int32(-300)),
		EncryptionAlgorithms: []string{"a", strings.Repeat("b", 70000)}, SigningAlgorithms: []string{},
	}
	doc, err := decodeCBOR(encodeCBOR(want))
	if err != nil {
		t.Fatal(err)
	}
	var got kms.KeyMetadata
	in := &model.Input{Document: doc}
	if in.JSON(&got); in.Err() != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: got %+v, want %+v", in.Err(), got, want)
	}
	blob := kms.EncryptRequest{Plaintext: []byte{0, 1, 255}, EncryptionContext: map[string]string{"b": "2", "a": "1"}}
	doc, err = decodeCBOR(encodeCBOR(blob))
	var back kms.EncryptRequest
	in = &model.Input{Document: doc}
	if in.JSON(&back); err != nil || in.Err() != nil || !reflect.DeepEqual(back, blob) {
		t.Errorf("%v: %+v", in.Err(), back)
	}
}

// TestCBOR reads the forms that encoders choose between.
func TestCBOR(t *testing.T) {
	for in, want := range map[string]any{
		"\xbf\x61a\x01\xff":  map[string]any{"a": json.Number("1")},          // a map until a break
		"\x9f\x01\x02\xff":   []any{json.Number("1"), json.Number("2")},      // a list until a break
		"\x7f\x61a\x61b\xff": "ab", "\x5f\x41\x01\x41\x02\xff": []byte{1, 2}, // strings in chunks
		"\x1a\x00\x01\x00\x00": json.Number("65536"), "\x38\x63": json.Number("-100"),
		"\xfa\x3f\xc0\x00\x00": json.Number("1.5"), "\xf6": nil, "\xf5": true,
		"\xc1\x1a\x00\x00\x00\x0a": time.Unix(10, 0).UTC(),
	} {
		if got, err := decodeCBOR([]byte(in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%x: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "\x61", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\xbb\x00\x00\x00\xff\x00\x00\x00\x00", "\x5f\x61a\xff", "\xa1\x01\x02",
		"\xa2\x61a\x01\x61a\x01", "\x01\x01", "\x1f", "\xff", "\xc1\x61a", strings.Repeat("\x81", 1000) + "\x01", "\x7f\x7f\xff\xff", "\xfc",
	} {
		if got, err := decodeCBOR([]byte(in)); err == nil {
			t.Errorf("%.20x became %v", in, got)
		}
	}
}

func FuzzCBOR(f *testing.F) {
	f.Add([]byte("\xbf\x61a\x9f\x01\xff\xff"))
	f.Add(encodeCBOR(kms.EncryptRequest{Plaintext: []byte("x"), EncryptionContext: map[string]string{"a": "b"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := decodeCBOR(data)
		if err != nil {
			return
		}
		var in kms.CreateGrantRequest
		input := &model.Input{Document: doc}
		if input.JSON(&in); input.Err() != nil {
			return
		}
		again, err := decodeCBOR(encodeCBOR(in))
		if err != nil {
			t.Fatalf("%x: %v", data, err)
		}
		var back kms.CreateGrantRequest
		second := &model.Input{Document: again}
		if second.JSON(&back); second.Err() != nil || !bytes.Equal(encodeCBOR(in), encodeCBOR(back)) {
			t.Fatalf("%x became another shape", data)
		}
	})
}
