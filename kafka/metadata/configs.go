package metadata

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// configType is the type number of DescribeConfigs.
type configType int8

const (
	typeUnknown  configType = 0
	typeBool     configType = 1
	typeString   configType = 2
	typeInt      configType = 3
	typeShort    configType = 4
	typeLong     configType = 5
	typeDouble   configType = 6
	typeList     configType = 7
	typeClass    configType = 8
	typePassword configType = 9
)

// config is one config key.
type config struct {
	name   string
	since  release // the first that has it so; 0: all before, too
	last   release // the last that has it so; 0: to this day
	kind   configType
	value  string   // Kafka's default, or unsetConfig
	broker []string // of other resources: the broker configs that it inherits from, nearest first
	update update   // of broker configs
	takes  limit    // beside what the type takes
	doc    string
}

// update says how a broker config may be changed while the broker runs.
type update int8

const (
	readOnly    update = iota
	clusterWide        // for one broker or for all
	perBroker          // for one broker
	perListener        // for one broker under a listener's prefix
	whenSet            // for one broker or for all; no config of a broker and shown only when it is set
)

const (
	// unsetConfig marks configs that have no default of their own.
	unsetConfig = "\x00"

	longMax = "9223372036854775807"
	intMax  = "2147483647"
)

// sensitive reports whether a value is never shown.
func (c config) sensitive() bool { return c.kind == typePassword || c.kind == typeUnknown }

// check says whether a value is one that the config takes; Kafka's texts
// (ConfigDef.parseType and its validators).
func (c config) check(value string) error {
	trimmed := strings.TrimSpace(value)
	switch c.kind {
	case typeBool:
		if !strings.EqualFold(trimmed, "true") && !strings.EqualFold(trimmed, "false") {
			return c.invalid(value, "Expected value to be either true or false")
		}
	case typeInt, typeShort, typeLong:
		bits := map[configType]int{typeShort: 16, typeInt: 32, typeLong: 64}[c.kind]
		n, err := strconv.ParseInt(trimmed, 10, bits)
		if err != nil {
			return c.invalid(value, "Not a number of type "+c.kind.String())
		}
		return c.inRange(float64(n), strconv.FormatInt(n, 10))
	case typeDouble:
		n, err := strconv.ParseFloat(trimmed, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(n) {
			return c.invalid(value, "Not a number of type DOUBLE")
		}
		return c.inRange(n, javaDouble(n))
	case typeString:
		return c.oneOfThem(trimmed)
	case typeList:
		if err := c.oneOfThem(items(value)...); err != nil {
			return err
		}
	}
	if c.takes.other != nil {
		return c.takes.other(c, value)
	}
	return nil
}

// javaDouble is a number as java.lang.Double.toString writes it, which Kafka's
// errors show.
func javaDouble(n float64) string {
	switch size := math.Abs(n); {
	case math.IsInf(n, 0):
		return strings.TrimPrefix(strings.Replace(strconv.FormatFloat(n, 'f', -1, 64), "Inf", "Infinity", 1), "+")
	case size != 0 && (size < 1e-3 || size >= 1e7):
		digits, exponent, _ := strings.Cut(strconv.FormatFloat(n, 'E', -1, 64), "E")
		if !strings.Contains(digits, ".") {
			digits += ".0"
		}
		power, _ := strconv.Atoi(exponent) // of FormatFloat: always a number
		return digits + "E" + strconv.Itoa(power)
	case n == math.Trunc(n):
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

func (c config) invalid(value, why string) error {
	return fmt.Errorf("Invalid value %s for configuration %s: %s", value, c.name, why)
}

// String is the type as Kafka's errors write it.
func (t configType) String() string {
	return [...]string{"UNKNOWN", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}[t]
}

// items is a list's value as its items.
func items(value string) []string {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil
	}
	list := strings.Split(value, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// limit is what values a config takes. The zero limit takes all of the type.
type limit struct {
	bounded, capped bool
	min, max        int64
	oneOf           []string
	other           func(c config, value string) error // called when the rest is met
}

func atLeast(n int64) limit { return limit{bounded: true, min: n} }

func between(low, high int64) limit { return limit{bounded: true, min: low, capped: true, max: high} }

func oneOf(values ...string) limit { return limit{oneOf: values} }

var (
	codecs = oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")

	// gzipLevels is 1 to 9, or -1 for the codec's own choice.
	gzipLevels = limit{other: func(c config, value string) error {
		n, _ := strconv.Atoi(strings.TrimSpace(value)) // it is a number
		if n == -1 || n >= 1 && n <= 9 {
			return nil
		}
		return c.invalid(value, "Value must be between 1 and 9 or equal to -1")
	}}

	// throttledReplicas is *, or replicas as partition:broker (KIP-73).
	throttledReplicas = limit{other: func(c config, value string) error {
		list := items(value)
		if len(list) == 1 && list[0] == "*" {
			return nil
		}
		for _, item := range list {
			if !replicaPattern.MatchString(item) {
				return c.invalid("["+strings.Join(list, ", ")+"]", c.name+" must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...")
			}
		}
		return nil
	}}

	// offsetReset is earliest, latest or by_duration with an ISO 8601 duration.
	offsetReset = limit{other: func(c config, value string) error {
		v := strings.TrimSpace(value)
		duration, timed := strings.CutPrefix(strings.ToLower(v), "by_duration:")
		if strings.EqualFold(v, "earliest") || strings.EqualFold(v, "latest") || timed && durationPattern.MatchString(duration) && duration != "p" && !strings.HasSuffix(duration, "t") {
			return nil
		}
		return c.invalid(value, fmt.Sprintf("Invalid value `%s` for configuration %s. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.", value, c.name))
	}}

	replicaPattern  = regexp.MustCompile(`^[0-9]+:[0-9]+$`)
	durationPattern = regexp.MustCompile(`^p([0-9]+d)?(t([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]{0,9})?s)?)?$`)
)

func (c config) inRange(n float64, value string) error {
	l := c.takes
	switch {
	case l.bounded && n < float64(l.min):
		return c.invalid(value, fmt.Sprintf("Value must be at least %d", l.min))
	case l.capped && n > float64(l.max):
		return c.invalid(value, fmt.Sprintf("Value must be no more than %d", l.max))
	case l.other != nil:
		return l.other(c, value)
	}
	return nil
}

func (c config) oneOfThem(values ...string) error {
	if len(c.takes.oneOf) > 0 {
		for _, v := range values {
			if !slices.Contains(c.takes.oneOf, v) {
				return c.invalid(v, "String must be one of: "+strings.Join(c.takes.oneOf, ", "))
			}
		}
	}
	if c.kind == typeString && c.takes.other != nil {
		return c.takes.other(c, values[0])
	}
	return nil
}
