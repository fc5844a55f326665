package logs

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/logs"
	"github.com/millrace/millrace/store"
)

func parseID(s string) id {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return math.MaxUint64 // nobody's
	}
	return id(n)
}

const standard = "STANDARD"

// CreateLogGroup makes a group.
func (s *Service) CreateLogGroup(ctx context.Context, c model.Caller, in *logs.CreateLogGroupRequest) (*logs.CreateLogGroupResponse, error) {
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	groupID, err := s.newID()
	if err != nil {
		return nil, err
	}
	g := group{
		Name: *in.LogGroupName, ID: groupID, Account: c.Account, Region: c.Region, Created: s.now(), Class: standard,
		Key: deref(in.KmsKeyId), Protected: deref(in.DeletionProtectionEnabled), Tags: tags,
	}
	if in.LogGroupClass != nil {
		g.Class = *in.LogGroupClass
	}
	if g.Class == "ESSENTIALS" || g.Class == "DELIVERY" {
		return nil, invalid("millrace does not implement log groups of the class %s.", g.Class)
	}
	if g.Key != "" {
		if err := s.usable(ctx, c, &g); err != nil {
			return nil, err
		}
	}
	return &logs.CreateLogGroupResponse{}, s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if _, taken := tx.Get(g.key()); taken {
			return fault("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		if full, err := count(tx, groupPrefix(c.Account, c.Region), maxGroups); err != nil || full {
			return orExceeded(err)
		}
		return store.PutJSON(tx, g.key(), g)
	})
}

func orExceeded(err error) error {
	if err != nil {
		return err
	}
	return exceeded()
}

// usable refuses a group's key that KMS does not have.
func (s *Service) usable(ctx context.Context, c model.Caller, g *group) error {
	ok, err := false, error(nil)
	if strings.HasPrefix(g.Key, "arn:") {
		ok, err = s.cfg.Key(ctx, c, g.Key)
	}
	if err != nil || ok {
		return err
	}
	return invalid("The specified KMS key does not exist or is not allowed to be used with Arn '%s'", g.arn(c.Partition()))
}

// DeleteLogGroup deletes a group with its streams and their events.
func (s *Service) DeleteLogGroup(ctx context.Context, c model.Caller, in *logs.DeleteLogGroupRequest) (*logs.DeleteLogGroupResponse, error) {
	var g *group
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) (err error) {
		if g, err = find(tx, c, *in.LogGroupName); err != nil {
			return err
		}
		if g.Protected {
			return fault("ValidationException", "The log group %s is protected from deletion. Disable the protection first.", g.Name)
		}
		return tx.Delete(g.key())
	})
	if err != nil {
		return nil, err
	}
	var keys []string
	err = s.each(ctx, g.streamPrefix(), "", func(_ *store.Tx, key string) (bool, error) {
		keys = append(keys, key)
		return false, nil
	})
	if err == nil {
		err = s.deleteKeys(ctx, keys)
	}
	if err == nil {
		err = s.cfg.Events.DropGroup(ctx, uint64(g.ID))
	}
	if err != nil {
		return nil, err // what is left goes at the next start
	}
	return &logs.DeleteLogGroupResponse{}, nil
}

const groupPage = 50 // groups or streams of an answer

// DescribeLogGroups lists groups by name.
func (s *Service) DescribeLogGroups(ctx context.Context, c model.Caller, in *logs.DescribeLogGroupsRequest) (*logs.DescribeLogGroupsResponse, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	limit := groupPage
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	last, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	if last != "" {
		last = groupPrefix(c.Account, c.Region) + last
	}
	out := &logs.DescribeLogGroupsResponse{LogGroups: []logs.LogGroup{}}
	if in.AccountIdentifiers != nil && !slices.Contains(in.AccountIdentifiers, c.Account) {
		return out, nil
	}
	err = s.each(ctx, groupPrefix(c.Account, c.Region)+deref(in.LogGroupNamePrefix), last, func(tx *store.Tx, key string) (bool, error) {
		g, _, err := store.GetJSON[group](tx, key)
		if err != nil || !wanted(&g, in) {
			return false, err
		}
		if len(out.LogGroups) == limit {
			out.NextToken = writeToken(*out.LogGroups[limit-1].LogGroupName)
			return true, nil
		}
		out.LogGroups = append(out.LogGroups, s.render(c, &g))
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func wanted(g *group, in *logs.DescribeLogGroupsRequest) bool {
	return strings.Contains(g.Name, deref(in.LogGroupNamePattern)) &&
		(in.LogGroupClass == nil || g.Class == *in.LogGroupClass) &&
		(in.LogGroupIdentifiers == nil || slices.ContainsFunc(in.LogGroupIdentifiers, func(i string) bool { return nameOf(i, g.Account, g.Region) == g.Name }))
}

func (s *Service) render(c model.Caller, g *group) logs.LogGroup {
	arn := g.arn(c.Partition())
	out := logs.LogGroup{
		Arn: new(arn + ":*"), LogGroupArn: new(arn), LogGroupName: new(g.Name), LogGroupClass: new(g.Class), CreationTime: new(g.Created.UnixMilli()),
		MetricFilterCount: new(int32(0)), StoredBytes: new(s.cfg.Events.Bytes(uint64(g.ID))), DeletionProtectionEnabled: new(g.Protected),
	}
	if g.Retention > 0 {
		out.RetentionInDays = new(g.Retention)
	}
	if g.Key != "" {
		out.KmsKeyId = new(g.Key)
	}
	return out
}

// PutRetentionPolicy says how long a group's events are kept.
func (s *Service) PutRetentionPolicy(ctx context.Context, c model.Caller, in *logs.PutRetentionPolicyRequest) (*logs.PutRetentionPolicyResponse, error) {
	return &logs.PutRetentionPolicyResponse{}, s.change(ctx, c, *in.LogGroupName, func(g *group) error { return decideRetention(g, *in.RetentionInDays) })
}

// DeleteRetentionPolicy keeps a group's events for ever.
func (s *Service) DeleteRetentionPolicy(ctx context.Context, c model.Caller, in *logs.DeleteRetentionPolicyRequest) (*logs.DeleteRetentionPolicyResponse, error) {
	return &logs.DeleteRetentionPolicyResponse{}, s.change(ctx, c, *in.LogGroupName, func(g *group) error {
		g.Retention = 0
		return nil
	})
}

// PutLogGroupDeletionProtection protects a group from deletion, or not.
func (s *Service) PutLogGroupDeletionProtection(ctx context.Context, c model.Caller, in *logs.PutLogGroupDeletionProtectionRequest) (*logs.PutLogGroupDeletionProtectionResponse, error) {
	name, err := one(nil, in.LogGroupIdentifier, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	return &logs.PutLogGroupDeletionProtectionResponse{}, s.change(ctx, c, name, func(g *group) error {
		g.Protected = deref(in.DeletionProtectionEnabled)
		return nil
	})
}

// AssociateKmsKey gives a group a key.
func (s *Service) AssociateKmsKey(ctx context.Context, c model.Caller, in *logs.AssociateKmsKeyRequest) (*logs.AssociateKmsKeyResponse, error) {
	name, err := one(in.LogGroupName, in.ResourceIdentifier, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	g, err := s.read(ctx, c, name)
	if err != nil {
		return nil, err
	}
	g.Key = *in.KmsKeyId
	if err := s.usable(ctx, c, g); err != nil {
		return nil, err
	}
	return &logs.AssociateKmsKeyResponse{}, s.change(ctx, c, name, func(g *group) error {
		g.Key = *in.KmsKeyId
		return nil
	})
}

// DisassociateKmsKey takes a group's key away.
func (s *Service) DisassociateKmsKey(ctx context.Context, c model.Caller, in *logs.DisassociateKmsKeyRequest) (*logs.DisassociateKmsKeyResponse, error) {
	name, err := one(in.LogGroupName, in.ResourceIdentifier, c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	return &logs.DisassociateKmsKeyResponse{}, s.change(ctx, c, name, func(g *group) error {
		g.Key = ""
		return nil
	})
}
