package ssm

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ssm"
	"github.com/millrace/millrace/store"
)

// Keys is what is asked of KMS; server supplies it from aws/kms. The action is
// what the caller must be allowed to do with the key.
type Keys interface {
	Seal(ctx context.Context, c model.Caller, action, key string, plaintext []byte, encryption map[string]string) (ciphertext []byte, err error)
	Open(ctx context.Context, c model.Caller, ciphertext []byte, encryption map[string]string) (plaintext []byte, err error)
}

// Config is what a Service is made of. Every field is required.
type Config struct {
	Store *store.Store
	Keys  Keys
	Now   func() time.Time
}

// Service is the API over the store. Its methods may be called concurrently.
type Service struct{ cfg Config }

var _ ssm.Service = (*Service)(nil)

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg} }

func (s *Service) find(tx *store.Tx, c model.Caller, name string) (*parameter, error) {
	if !nameShape.MatchString(name) {
		return nil, notFound(name)
	}
	p, ok, err := store.GetJSON[parameter](tx, prefix(c)+name)
	if err == nil && !ok {
		err = notFound(name)
	}
	return &p, err
}

func readVersion(tx *store.Tx, c model.Caller, name string, n int64) (*version, error) {
	v, ok, err := store.GetJSON[version](tx, versionKey(c, name, n))
	if err == nil && !ok {
		err = fault("ParameterVersionNotFound", "Systems Manager could not find version %d of %s. Verify the version and try again.", n, name)
	}
	return &v, err
}

// PutParameter makes a parameter or its next version.
func (s *Service) PutParameter(ctx context.Context, c model.Caller, in *ssm.PutParameterRequest) (*ssm.PutParameterResult, error) {
	name := parseSelector(c, *in.Name).name
	if err := checkName(c, name); err != nil {
		return nil, err
	}
	if deref(in.Overwrite) && len(in.Tags) > 0 {
		return nil, invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	v, err := s.next(ctx, c, name, in)
	if err != nil {
		return nil, err
	}
	if err := s.seal(ctx, c, name, v); err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return s.put(tx, c, name, in, v) })
	if err != nil {
		return nil, err
	}
	return &ssm.PutParameterResult{Version: &v.Version, Tier: &v.Tier}, nil
}

// next decides on the version that a request makes.
func (s *Service) next(ctx context.Context, c model.Caller, name string, in *ssm.PutParameterRequest) (v *version, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		var before *version
		p, exists, err := store.GetJSON[parameter](tx, prefix(c)+name)
		if err != nil {
			return err
		}
		if exists {
			if !deref(in.Overwrite) {
				return alreadyExists()
			}
			if before, err = readVersion(tx, c, name, p.current()); err != nil {
				return err
			}
		}
		made, err := decideVersion(in, before)
		made.Modified, made.User = s.cfg.Now().UTC().Truncate(time.Millisecond), c.ARN
		v = &made
		return err
	})
	return v, err
}

func alreadyExists() error {
	return fault("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
}

// put writes a decided version; another that was written meanwhile is TooManyUpdates.
func (s *Service) put(tx *store.Tx, c model.Caller, name string, in *ssm.PutParameterRequest, v *version) error {
	p, exists, err := store.GetJSON[parameter](tx, prefix(c)+name)
	switch {
	case err != nil:
		return err
	case exists && !deref(in.Overwrite):
		return alreadyExists()
	case exists != (v.Version > 1), exists && p.current() != v.Version-1:
		return fault("TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time.")
	case !exists:
		if p.Tags, err = mergeTags(nil, in.Tags); err != nil {
			return err
		}
	}
	p.Name = name
	dropped, err := p.add(v.Version)
	if err != nil {
		return err
	}
	for _, n := range dropped {
		if err := tx.Delete(versionKey(c, name, n)); err != nil {
			return err
		}
	}
	return errors.Join(store.PutJSON(tx, versionKey(c, name, v.Version), v), store.PutJSON(tx, prefix(c)+name, p))
}

// encryption is what a SecureString is bound to. "How AWS Systems Manager
// Parameter Store uses AWS KMS" of the KMS developer guide.
func encryption(c model.Caller, name string) map[string]string {
	return map[string]string{"PARAMETER_ARN": arn(c, name)}
}

func (s *Service) seal(ctx context.Context, c model.Caller, name string, v *version) (err error) {
	if v.Type != secure {
		return nil
	}
	action := "kms:Encrypt"
	if v.Tier == advanced {
		action = "kms:GenerateDataKey"
	}
	v.Sealed, err = s.cfg.Keys.Seal(ctx, c, action, v.Key, []byte(v.Value), encryption(c, name))
	v.Value = ""
	return ofKMS(err)
}

// ofKMS is a fault of the key as this service tells it. A key that the caller
// may not use is told as it is.
func ofKMS(err error) error {
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.Code == "AccessDeniedException" {
		return err
	}
	return fault("InvalidKeyId", "%s", e.Message)
}

// reveal is a version's value: of a SecureString decrypted, or as it is stored.
func (s *Service) reveal(ctx context.Context, c model.Caller, name string, v *version, decrypt bool) (*string, error) {
	switch {
	case v.Type != secure:
		return &v.Value, nil
	case !decrypt:
		return new(base64.StdEncoding.EncodeToString(v.Sealed)), nil
	}
	plain, err := s.cfg.Keys.Open(ctx, c, v.Sealed, encryption(c, name))
	if err != nil {
		return nil, ofKMS(err)
	}
	return new(string(plain)), nil
}

// found is a version that was read.
type found struct {
	p        *parameter
	v        *version
	selector string
}

func (s *Service) read(ctx context.Context, c model.Caller, text string) (f found, err error) {
	sel := parseSelector(c, text)
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		if f.p, err = s.find(tx, c, sel.name); err != nil {
			return err
		}
		n, err := f.p.pick(sel)
		if err != nil {
			return err
		}
		f.v, err = readVersion(tx, c, sel.name, n)
		return err
	})
	f.selector = sel.given
	return f, err
}

// show renders a parameter with its value.
func (s *Service) show(ctx context.Context, c model.Caller, f found, decrypt bool) (*ssm.Parameter, error) {
	value, err := s.reveal(ctx, c, f.p.Name, f.v, decrypt)
	if err != nil {
		return nil, err
	}
	out := &ssm.Parameter{
		ARN: new(arn(c, f.p.Name)), Name: &f.p.Name, Type: &f.v.Type, Value: value, Version: &f.v.Version, DataType: new("text"),
		LastModifiedDate: &model.Epoch{Time: f.v.Modified},
	}
	if f.selector != "" {
		out.Selector = &f.selector
	}
	return out, nil
}

// GetParameter answers one parameter.
func (s *Service) GetParameter(ctx context.Context, c model.Caller, in *ssm.GetParameterRequest) (*ssm.GetParameterResult, error) {
	f, err := s.read(ctx, c, *in.Name)
	if err != nil {
		return nil, err
	}
	p, err := s.show(ctx, c, f, deref(in.WithDecryption))
	if err != nil {
		return nil, err
	}
	return &ssm.GetParameterResult{Parameter: p}, nil
}

// GetParameters answers those of some parameters that exist.
func (s *Service) GetParameters(ctx context.Context, c model.Caller, in *ssm.GetParametersRequest) (*ssm.GetParametersResult, error) {
	out := &ssm.GetParametersResult{Parameters: []ssm.Parameter{}, InvalidParameters: []string{}}
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			return nil, invalid("The request contains the name %s twice.", name)
		}
		f, err := s.read(ctx, c, name)
		if e, ok := errors.AsType[*model.Error](err); ok && strings.HasPrefix(e.Code, "Parameter") {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		p, err := s.show(ctx, c, f, deref(in.WithDecryption))
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, *p)
	}
	return out, nil
}

// DeleteParameter removes a parameter with its history.
func (s *Service) DeleteParameter(ctx context.Context, c model.Caller, in *ssm.DeleteParameterRequest) (*ssm.DeleteParameterResult, error) {
	return &ssm.DeleteParameterResult{}, s.remove(ctx, c, *in.Name)
}

// DeleteParameters removes those of some parameters that exist.
func (s *Service) DeleteParameters(ctx context.Context, c model.Caller, in *ssm.DeleteParametersRequest) (*ssm.DeleteParametersResult, error) {
	out := &ssm.DeleteParametersResult{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		err := s.remove(ctx, c, name)
		switch e, ok := errors.AsType[*model.Error](err); {
		case err == nil:
			out.DeletedParameters = append(out.DeletedParameters, name)
		case ok && e.Code == "ParameterNotFound":
			out.InvalidParameters = append(out.InvalidParameters, name)
		default:
			return nil, err
		}
	}
	return out, nil
}

// remove deletes a parameter and its versions, which a transaction may not hold
// all with it: the parameter goes with the last of them.
func (s *Service) remove(ctx context.Context, c model.Caller, text string) error {
	name := parseSelector(c, text).name
	for done := false; !done; {
		err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			p, err := s.find(tx, c, name)
			if err != nil {
				return err
			}
			n := min(len(p.Versions), store.MaxKeys-1)
			done = n == len(p.Versions)
			for _, v := range p.Versions[:n] {
				if err := tx.Delete(versionKey(c, name, v)); err != nil {
					return err
				}
			}
			if done {
				return tx.Delete(prefix(c) + name)
			}
			p.Versions = p.Versions[n:]
			return store.PutJSON(tx, prefix(c)+name, p)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) change(ctx context.Context, c model.Caller, text string, decide func(p *parameter) error) error {
	return s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		p, err := s.find(tx, c, parseSelector(c, text).name)
		if err != nil {
			return err
		}
		if err := decide(p); err != nil {
			return err
		}
		return store.PutJSON(tx, prefix(c)+p.Name, p)
	})
}

// LabelParameterVersion moves labels to a version.
func (s *Service) LabelParameterVersion(ctx context.Context, c model.Caller, in *ssm.LabelParameterVersionRequest) (*ssm.LabelParameterVersionResult, error) {
	out := &ssm.LabelParameterVersionResult{}
	err := s.change(ctx, c, *in.Name, func(p *parameter) (err error) {
		n := p.current()
		if in.ParameterVersion != nil {
			n = *in.ParameterVersion
		}
		out.ParameterVersion = &n
		out.InvalidLabels, err = p.label(n, in.Labels)
		return err
	})
	if out.InvalidLabels == nil {
		out.InvalidLabels = []string{}
	}
	return out, err
}

// UnlabelParameterVersion takes labels from a version.
func (s *Service) UnlabelParameterVersion(ctx context.Context, c model.Caller, in *ssm.UnlabelParameterVersionRequest) (*ssm.UnlabelParameterVersionResult, error) {
	var out *ssm.UnlabelParameterVersionResult
	err := s.change(ctx, c, *in.Name, func(p *parameter) error {
		out = &ssm.UnlabelParameterVersionResult{RemovedLabels: []string{}, InvalidLabels: []string{}}
		if !slices.Contains(p.Versions, *in.ParameterVersion) {
			return fault("ParameterVersionNotFound", "Systems Manager could not find version %d of %s. Verify the version and try again.", *in.ParameterVersion, p.Name)
		}
		for _, l := range in.Labels {
			if p.Labels[l] != *in.ParameterVersion {
				out.InvalidLabels = append(out.InvalidLabels, l)
				continue
			}
			delete(p.Labels, l)
			out.RemovedLabels = append(out.RemovedLabels, l)
		}
		return nil
	})
	return out, err
}

// resource is the parameter that a tag operation names.
func resource(kind, id *string) (string, error) {
	if *kind != "Parameter" {
		return "", fault("InvalidResourceType", "millrace has parameters alone: %s is not a resource type that it knows", *kind)
	}
	return *id, nil
}

// ofTags is an error of a tag operation: there is no such parameter.
func ofTags(err error, id string) error {
	if e, ok := errors.AsType[*model.Error](err); ok && e.Code == "ParameterNotFound" {
		return fault("InvalidResourceId", "The resource ID %q is not valid. Verify the ID and try again.", id)
	}
	return err
}

// AddTagsToResource adds tags to a parameter.
func (s *Service) AddTagsToResource(ctx context.Context, c model.Caller, in *ssm.AddTagsToResourceRequest) (*ssm.AddTagsToResourceResult, error) {
	id, err := resource(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, id, func(p *parameter) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags)
		return err
	})
	return &ssm.AddTagsToResourceResult{}, ofTags(err, id)
}

// RemoveTagsFromResource takes tags from a parameter.
func (s *Service) RemoveTagsFromResource(ctx context.Context, c model.Caller, in *ssm.RemoveTagsFromResourceRequest) (*ssm.RemoveTagsFromResourceResult, error) {
	id, err := resource(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, c, id, func(p *parameter) error {
		for _, key := range in.TagKeys {
			delete(p.Tags, key)
		}
		return nil
	})
	return &ssm.RemoveTagsFromResourceResult{}, ofTags(err, id)
}

// ListTagsForResource answers a parameter's tags.
func (s *Service) ListTagsForResource(ctx context.Context, c model.Caller, in *ssm.ListTagsForResourceRequest) (*ssm.ListTagsForResourceResult, error) {
	id, err := resource(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	tags, _, err := s.Tags(ctx, c, id)
	out := &ssm.ListTagsForResourceResult{TagList: []ssm.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.TagList = append(out.TagList, ssm.Tag{Key: new(key), Value: new(tags[key])})
	}
	return out, ofTags(err, id)
}

// Tags answers the tags of the parameter that a name or ARN stands for, and its
// name. The error is ParameterNotFound when there is none.
func (s *Service) Tags(ctx context.Context, c model.Caller, id string) (tags map[string]string, name string, err error) {
	err = s.cfg.Store.View(ctx, func(tx *store.Tx) error {
		p, err := s.find(tx, c, parseSelector(c, id).name)
		if err == nil {
			tags, name = p.Tags, p.Name
		}
		return err
	})
	return tags, name, err
}
