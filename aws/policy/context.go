package policy

// Context is what is known of a request: the values of condition keys and
// policy variables, such as aws:username. Keys are in lower case. A key without
// values that is there is as one that is not.
type Context interface {
	Values(key string) (values []string, ok bool)
}

// Map is a Context by key, in lower case.
type Map map[string][]string

// Values finds a key's values.
func (m Map) Values(key string) ([]string, bool) {
	v, ok := m[key]
	return v, ok
}

// None is a request of which nothing is known.
var None Context = Map(nil)
