package metadata

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/kafka/quota"
)

// maxQuotaEntities bounds the entities that have quotas. Kafka has no bound.
const maxQuotaEntities = 10_000

// Entity types of client quotas (KIP-546, KIP-612).
const (
	quotaUser     = "user"
	quotaClientID = "client-id"
	quotaIP       = "ip"
)

// quotaKeys says which quotas an entity may have: of an address (true) or of
// users and clients, and whether fractions are taken.
var quotaKeys = map[quota.Key]struct{ ip, fraction bool }{
	quota.ProducerBytes: {}, quota.ConsumerBytes: {}, quota.RequestPercent: {fraction: true},
	quota.Mutations: {fraction: true}, quota.ConnectionsByIP: {ip: true},
}

// quotaEvent is all quotas of an entity.
type quotaEvent struct {
	Format int                   `json:"v"`
	Entity []quotaPart           `json:"entity"`
	Quotas map[quota.Key]float64 `json:"quotas"`
}

// quotaPart is one part of an entity; without a name it is the default.
type quotaPart struct {
	Type string  `json:"type"`
	Name *string `json:"name,omitempty"`
}

// quotaParts lists the parts of an entity in a fixed order.
func quotaParts(e quota.Entity) (parts []quotaPart) {
	for _, p := range []struct {
		kind string
		name quota.Name
	}{{quotaUser, e.User}, {quotaClientID, e.ClientID}, {quotaIP, e.IP}} {
		switch {
		case p.name.IsDefault():
			parts = append(parts, quotaPart{Type: p.kind})
		case p.name.Given():
			name := p.name.String()
			parts = append(parts, quotaPart{Type: p.kind, Name: &name})
		}
	}
	return parts
}

// quotaEntity makes an entity of its parts.
func quotaEntity(parts []quotaPart) (e quota.Entity, err error) {
	if len(parts) == 0 {
		return e, fail(kerr.InvalidRequest, "Invalid empty client quota entity")
	}
	for _, p := range parts {
		name := quota.Default
		if p.Name != nil {
			name = quota.Of(*p.Name)
		}
		switch p.Type {
		case quotaUser:
			e.User = name
		case quotaClientID:
			e.ClientID = name
		case quotaIP:
			e.IP = name
		default:
			return e, fail(kerr.InvalidRequest, "Unhandled client quota entity type: %s", p.Type)
		}
		if p.Name != nil && *p.Name == "" {
			return e, fail(kerr.InvalidRequest, "Empty %s not supported", p.Type)
		}
	}
	return checkQuotaIP(e)
}

// checkQuotaIP takes addresses only: Kafka also looks host names up.
func checkQuotaIP(e quota.Entity) (quota.Entity, error) {
	if !e.IP.Given() {
		return e, nil
	}
	if e.User.Given() || e.ClientID.Given() {
		return e, fail(kerr.InvalidRequest, "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId") // Kafka's spelling
	}
	if e.IP.IsDefault() {
		return e, nil
	}
	ip, err := netip.ParseAddr(e.IP.String())
	if err != nil {
		return e, fail(kerr.InvalidRequest, "%s is not a valid IP or resolvable host.", e.IP.String())
	}
	e.IP = quota.Of(ip.Unmap().String())
	return e, nil
}

// quotaKey is the key of an entity's event: its parts in a fixed order.
func quotaKey(e quota.Entity) string {
	var b strings.Builder
	b.WriteString(quotaPrefix)
	for i, p := range quotaParts(e) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(p.Type)
		if p.Name != nil {
			b.WriteString("=" + strconv.Quote(*p.Name))
		}
	}
	return b.String()
}

func (d *decision) alterClientQuotas(req *kmsg.AlterClientQuotasRequest) *kmsg.AlterClientQuotasResponse {
	resp := req.ResponseKind().(*kmsg.AlterClientQuotasResponse)
	resp.Entries = []kmsg.AlterClientQuotasResponseEntry{}
	seen := map[string]int{} // where the answer for an entity is
	for i := range req.Entries {
		in := &req.Entries[i]
		out := kmsg.NewAlterClientQuotasResponseEntry()
		parts := quotaPartsOf(in.Entity)
		for _, p := range parts {
			out.Entity = append(out.Entity, kmsg.AlterClientQuotasResponseEntryEntity{Type: p.Type, Name: p.Name})
		}
		e, err := quotaEntity(parts)
		name := asSent(parts)
		if at, twice := seen[name]; twice { // as in Kafka: the first is done, and the error stands for both
			resp.Entries[at].ErrorCode, resp.Entries[at].ErrorMessage = wire(ignored(name))
			continue
		}
		seen[name] = len(resp.Entries)
		if keyTwice(in.Ops) {
			err = ignored(name) // Kafka says so of the entity here too
		}
		if err == nil {
			err = d.alterQuotas(e, in.Ops, req.ValidateOnly)
		}
		out.ErrorCode, out.ErrorMessage = wire(err)
		resp.Entries = append(resp.Entries, out)
	}
	return resp
}

// quotaPartsOf is an entity as Kafka reads it: of a type given twice the last
// counts.
func quotaPartsOf(entity []kmsg.AlterClientQuotasRequestEntryEntity) (parts []quotaPart) {
	at := make(map[string]int)
	for _, p := range entity {
		if i, twice := at[p.Type]; twice {
			parts[i].Name = p.Name
			continue
		}
		at[p.Type] = len(parts)
		parts = append(parts, quotaPart{p.Type, p.Name})
	}
	return parts
}

func ignored(entity string) error {
	return fail(kerr.InvalidRequest, "Ignoring duplicate entity %s", entity)
}

func keyTwice(ops []kmsg.AlterClientQuotasRequestEntryOp) bool {
	seen := map[string]bool{}
	for _, op := range ops {
		if seen[op.Key] {
			return true
		}
		seen[op.Key] = true
	}
	return false
}

// asSent names an entity in an error.
func asSent(parts []quotaPart) string {
	named := map[string]string{}
	for _, p := range parts {
		named[p.Type] = "null"
		if p.Name != nil {
			named[p.Type] = *p.Name
		}
	}
	var b strings.Builder
	for i, kind := range sortedKeys(named) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(kind + "=" + named[kind])
	}
	return "ClientQuotaEntity(entries={" + b.String() + "})"
}

// alterQuotas changes one entity; nothing when something of it is wrong.
func (d *decision) alterQuotas(e quota.Entity, ops []kmsg.AlterClientQuotasRequestEntryOp, validateOnly bool) error {
	values := maps.Clone(d.image.quotas[e])
	if values == nil {
		values = map[quota.Key]float64{}
	}
	for _, op := range ops {
		key := quota.Key(strings.Clone(op.Key))
		if op.Remove {
			delete(values, key)
			continue
		}
		if err := checkQuota(e, key, op.Value); err != nil {
			return err
		}
		values[key] = op.Value
	}
	switch {
	case maps.Equal(values, d.image.quotas[e]):
	case d.image.quotas[e] == nil && len(d.image.quotas) >= maxQuotaEntities:
		return fail(kerr.InvalidRequest, "There are quotas for %d entities already", maxQuotaEntities)
	case validateOnly:
	case len(values) == 0:
		d.remove(quotaKey(e))
	default:
		d.add(quotaKey(e), quotaEvent{Format: eventFormat, Entity: quotaParts(e), Quotas: values})
	}
	return nil
}

// checkQuota says whether an entity may have a quota of that value.
func checkQuota(e quota.Entity, key quota.Key, value float64) error {
	k, known := quotaKeys[key]
	switch {
	case !known || k.ip != e.IP.Given():
		return fail(kerr.InvalidRequest, "Invalid configuration key %s", key)
	case value <= 0:
		return fail(kerr.InvalidRequest, "Quota %s must be greater than 0", key)
	case math.IsNaN(value) || math.IsInf(value, 1):
		return fail(kerr.InvalidRequest, "Quota %s must be a number", key)
	case k.ip && value > math.MaxInt32:
		return fail(kerr.InvalidRequest, "Proposed value for %s is too large for an INT.", key)
	case !k.fraction && value > math.MaxInt64:
		return fail(kerr.InvalidRequest, "Proposed value for %s is too large for a LONG.", key)
	case !k.fraction && math.Mod(value, 1) > 1e-6:
		return fail(kerr.InvalidRequest, "%s cannot be a fractional value.", key)
	}
	return nil
}

// applyQuotas puts an entity's quotas into an image that nobody else has.
func (i *Image) applyQuotas(key string, value []byte) {
	if value == nil {
		maps.DeleteFunc(i.quotas, func(e quota.Entity, _ map[quota.Key]float64) bool { return quotaKey(e) == key })
		return
	}
	var event quotaEvent
	if !decode(value, &event) || event.Format != eventFormat {
		return
	}
	if e, err := quotaEntity(event.Entity); err == nil {
		i.quotas[e] = event.Quotas
	}
}

// quotaFilter is the components of DescribeClientQuotas.
type quotaFilter struct {
	exact  map[string]*string // by type; nil is the default
	given  map[string]bool    // types with any name
	strict bool               // no other types
}

func newQuotaFilter(req *kmsg.DescribeClientQuotasRequest) (f quotaFilter, err error) {
	f = quotaFilter{map[string]*string{}, map[string]bool{}, req.Strict}
	for _, c := range req.Components {
		_, twice := f.exact[c.EntityType]
		switch {
		case c.EntityType == "":
			return f, fail(kerr.InvalidRequest, "Invalid empty entity type.")
		case twice || f.given[c.EntityType]:
			return f, fail(kerr.InvalidRequest, "Entity type %s cannot appear more than once in the filter.", c.EntityType)
		case c.EntityType != quotaUser && c.EntityType != quotaClientID && c.EntityType != quotaIP:
			return f, fail(kerr.UnsupportedVersion, "Unsupported entity type %s", c.EntityType)
		case c.MatchType == kmsg.QuotasMatchTypeExact && c.Match == nil:
			return f, fail(kerr.InvalidRequest, "Request specified MATCH_TYPE_EXACT, but set match string to null.")
		case c.MatchType == kmsg.QuotasMatchTypeExact:
			f.exact[c.EntityType] = c.Match
		case c.MatchType == kmsg.QuotasMatchTypeDefault && c.Match != nil:
			return f, fail(kerr.InvalidRequest, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string.")
		case c.MatchType == kmsg.QuotasMatchTypeDefault:
			f.exact[c.EntityType] = nil
		case c.MatchType == kmsg.QuotasMatchTypeAny && c.Match != nil:
			return f, fail(kerr.InvalidRequest, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.")
		case c.MatchType == kmsg.QuotasMatchTypeAny:
			f.given[c.EntityType] = true
		default:
			return f, fail(kerr.InvalidRequest, "Unknown match type %d", c.MatchType)
		}
	}
	has := func(kind string) bool {
		_, ok := f.exact[kind]
		return ok || f.given[kind]
	}
	if has(quotaIP) && (has(quotaUser) || has(quotaClientID)) {
		return f, fail(kerr.InvalidRequest, "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.")
	}
	return f, nil
}

func (f quotaFilter) matches(parts []quotaPart) bool {
	found := 0
	for _, p := range parts {
		name, exact := f.exact[p.Type]
		switch {
		case exact && ((name == nil) != (p.Name == nil) || name != nil && *name != *p.Name):
			return false
		case exact || f.given[p.Type]:
			found++
		case f.strict:
			return false
		}
	}
	return found == len(f.exact)+len(f.given)
}

// DescribeClientQuotas lists the quotas that a filter matches (KIP-546).
func (i *Image) DescribeClientQuotas(req *kmsg.DescribeClientQuotasRequest) *kmsg.DescribeClientQuotasResponse {
	resp := req.ResponseKind().(*kmsg.DescribeClientQuotasResponse)
	f, err := newQuotaFilter(req)
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage = wire(err) // and the entries are null
		return resp
	}
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	resp.ErrorMessage = kmsg.StringPtr("") // what Kafka says of success
	for _, e := range sortedQuotas(i.quotas) {
		parts := quotaParts(e)
		if !f.matches(parts) {
			continue
		}
		out := kmsg.NewDescribeClientQuotasResponseEntry()
		for _, p := range parts {
			out.Entity = append(out.Entity, kmsg.DescribeClientQuotasResponseEntryEntity{Type: p.Type, Name: p.Name})
		}
		for _, key := range slices.Sorted(maps.Keys(i.quotas[e])) {
			out.Values = append(out.Values, kmsg.DescribeClientQuotasResponseEntryValue{Key: string(key), Value: i.quotas[e][key]})
		}
		resp.Entries = append(resp.Entries, out)
	}
	return resp
}

// sortedQuotas lists the entities by their keys.
func sortedQuotas(l quota.Limits) []quota.Entity {
	byKey := make(map[string]quota.Entity, len(l))
	for e := range l {
		byKey[quotaKey(e)] = e
	}
	out := make([]quota.Entity, 0, len(l))
	for _, key := range sortedKeys(byKey) {
		out = append(out, byKey[key])
	}
	return out
}

// QuotaRules is what clients are measured by.
func (i *Image) QuotaRules() *quota.Rules {
	return &quota.Rules{
		Limits:     i.quotas,
		Clients:    quota.Window{Samples: i.brokerInt("quota.window.num"), Size: seconds(i.brokerInt("quota.window.size.seconds"))},
		Controller: quota.Window{Samples: i.brokerInt("controller.quota.window.num"), Size: seconds(i.brokerInt("controller.quota.window.size.seconds"))},
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// PartitionsToCreate is how many partitions a topic would have, 0 when it is
// there already: what creating it costs (KIP-599).
func (i *Image) PartitionsToCreate(t *kmsg.CreateTopicsRequestTopic) int {
	switch {
	case i.Topic(t.Topic) != nil:
		return 0
	case len(t.ReplicaAssignment) > 0:
		return len(t.ReplicaAssignment)
	case t.NumPartitions == -1:
		return i.brokerInt("num.partitions")
	}
	return int(t.NumPartitions)
}

// PartitionsToAdd is how many partitions a topic would get.
func (i *Image) PartitionsToAdd(in *kmsg.CreatePartitionsRequestTopic) int {
	t := i.Topic(in.Topic)
	if t == nil {
		return 0
	}
	return int(in.Count) - len(t.Partitions)
}
