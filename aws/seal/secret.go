package seal

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every rendering of a Secret shows.
const hidden = "***"

// Secret is a value that no log line, error or document may show by accident:
// every way to render it shows three stars. Reveal is the one way to read it.
type Secret struct{ value string }

// NewSecret hides a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal is the value itself.
func (s Secret) Reveal() string { return s.value }

// String hides the value.
func (s Secret) String() string { return hidden }

// Format hides the value from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
