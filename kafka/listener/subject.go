package listener

import (
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// nameAttribute is one attribute of a distinguished name.
type nameAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// namePartSET is one part of a distinguished name; encoding/asn1 reads the type
// as a set because of its name.
type namePartSET []nameAttribute

// nameKeywords are the attributes that RFC 2253 gives a name to, as Java has
// them; all others stand as numbers.
var nameKeywords = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// javaName writes a certificate's subject as Java's X500Principal.getName does,
// which is what Kafka makes the principal of (RFC 2253): the last part first,
// escaped, and as hexadecimal what is no string or has no name. ok is false for
// bytes that are no distinguished name, and for an empty one.
func javaName(der []byte) (name string, ok bool) {
	var parts []namePartSET
	rest, err := asn1.Unmarshal(der, &parts)
	if err != nil || len(rest) > 0 || len(parts) == 0 {
		return "", false
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if i < len(parts)-1 {
			b.WriteByte(',')
		}
		for j, a := range parts[i] {
			if j > 0 {
				b.WriteByte('+')
			}
			a.write(&b)
		}
	}
	return b.String(), true
}

func (a nameAttribute) write(b *strings.Builder) {
	number := a.Type.String()
	keyword, named := nameKeywords[number]
	if !named {
		keyword = number
	}
	b.WriteString(keyword)
	b.WriteByte('=')
	if !named || !javaString(a.Value) {
		b.WriteByte('#')
		b.WriteString(hex.EncodeToString(a.Value.FullBytes))
		return
	}
	writeEscaped(b, a.Value.Bytes)
}

// The string types that Java writes as text, whatever their encoding is.
const (
	tagT61String     = 20
	tagGeneralString = 27
)

func javaString(v asn1.RawValue) bool {
	if v.Class != asn1.ClassUniversal {
		return false
	}
	switch v.Tag {
	case asn1.TagPrintableString, asn1.TagUTF8String, asn1.TagIA5String, asn1.TagBMPString, tagT61String, tagGeneralString:
		return true
	}
	return false
}

// writeEscaped writes a value's bytes as UTF-8: special characters escaped, and
// the spaces at both ends.
func writeEscaped(b *strings.Builder, value []byte) {
	var out []string // by character as Java sees them, escape included
	for len(value) > 0 {
		r, n := utf8.DecodeRune(value)
		if r == utf8.RuneError && n == 1 {
			n = malformed(value)
		}
		switch {
		case r == 0:
			out = append(out, `\`, "0", "0")
		case strings.ContainsRune(`,=+<>#;"\`, r):
			out = append(out, `\`, string(r))
		default:
			out = append(out, string(r))
		}
		value = value[n:]
	}
	blank := func(s string) bool { return s == " " || s == "\r" }
	lead, trail := 0, len(out)-1
	for lead < len(out) && blank(out[lead]) {
		lead++
	}
	for trail >= 0 && blank(out[trail]) {
		trail--
	}
	for i, s := range out {
		if i < lead || i > trail {
			b.WriteByte('\\')
		}
		b.WriteString(s)
	}
}

// malformed is how many bytes Java replaces by one character where UTF-8 is
// broken: what could have begun a character, and the whole of a surrogate.
func malformed(v []byte) int {
	goesOn := func(i int) bool { return i < len(v) && v[i]&0xc0 == 0x80 }
	switch first := v[0]; {
	case first < 0xe0 || first > 0xf4 || !goesOn(1):
		return 1
	case first == 0xe0 && v[1] < 0xa0, first == 0xf0 && v[1] < 0x90, first == 0xf4 && v[1] > 0x8f:
		return 1
	case !goesOn(2):
		return 2
	}
	return 3
}
