package ec2

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
)

// network is everything that an account has in a region, and what a decision
// changes of it. It belongs to one call.
type network struct {
	caller model.Caller
	things []resource // the default VPC's first, then in the order of kinds and ids
	used   []Interface
	random io.Reader
	now    time.Time

	written map[resource]bool
	deleted []resource
}

// all is the resources of a type, in a stable order.
func all[T any](n *network) (out []*T) {
	for _, r := range n.things {
		if v, ok := any(r).(*T); ok {
			out = append(out, v)
		}
	}
	return out
}

// some is those of a type that fit.
func some[T any](n *network, fits func(*T) bool) []*T {
	return slices.DeleteFunc(all[T](n), func(v *T) bool { return !fits(v) })
}

func (n *network) find(id string) resource {
	for _, r := range n.things {
		if r.base().ID == id {
			return r
		}
	}
	return nil
}

// get is the resource that an id in a request names, or EC2's error.
func get[T any](n *network, k kind, id *string) (*T, error) {
	if id == nil || *id == "" {
		return nil, missing(kinds[k].noun)
	}
	if v, ok := any(n.find(*id)).(*T); ok {
		return v, nil
	}
	return nil, unknown(k, *id)
}

// put keeps a new resource, or a change of one.
func (n *network) put(r resource) {
	if !slices.Contains(n.things, r) {
		n.things = append(n.things, r)
	}
	n.written[r] = true
}

func (n *network) remove(r resource) {
	n.things = slices.DeleteFunc(n.things, func(o resource) bool { return o == r })
	delete(n.written, r)
	n.deleted = append(n.deleted, r)
}

// fresh draws an id as EC2 makes them: a prefix and 17 hex digits.
func (n *network) fresh(prefix string) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(n.random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return prefix + "-0" + hex.EncodeToString(b[:]), nil
}

// named makes what a new resource begins with.
func (n *network) named(k kind, tags map[string]string) (common, error) {
	id, err := n.fresh(kinds[k].prefix)
	return common{ID: id, Tags: tags}, err
}

// arn is a resource's.
func (n *network) arn(k kind, id string) string { return arn(n.caller, string(k), id) }

func arn(c model.Caller, kind, id string) string {
	return strings.Join([]string{"arn", c.Partition(), "ec2", c.Region, c.Account, kind + "/" + id}, ":")
}

// unknown says that there is no such resource.
func unknown(k kind, id string) *model.Error {
	about := kinds[k]
	if !strings.HasPrefix(id, about.prefix+"-") && k != kindAssociation {
		code := about.code + ".Malformed"
		switch k {
		case kindSecurityGroup:
			code = "InvalidGroupId.Malformed"
		case kindNAT:
			code = "NatGatewayMalformed"
		}
		return problem(code, `Invalid id: "%s" (expecting "%s-...")`, id, about.prefix)
	}
	if k == kindNAT {
		return problem("NatGatewayNotFound", "NatGateway %s was not found", id)
	}
	return problem(about.code+".NotFound", "The %s '%s' does not exist", about.noun, id)
}

func missing(parameter string) *model.Error {
	return problem("MissingParameter", "The request must contain the parameter %s", parameter)
}

// blocked says that something else needs a resource.
func blocked(noun, id string) *model.Error {
	return problem("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted.", noun, id)
}

// forget drops what the account has deleted of its default VPC.
func (n *network) forget(ids map[string]bool) {
	n.things = slices.DeleteFunc(n.things, func(r resource) bool { return ids[r.base().ID] })
}

// unsupported says that something of EC2 is not here.
func unsupported(what string) *model.Error {
	return problem("UnsupportedOperation", "The operation is not supported: Millrace has no %s.", what)
}
