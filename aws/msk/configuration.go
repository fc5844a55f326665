package msk

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/kafka"
)

// configuration is the document of one configuration.
type configuration struct {
	ARN           string       `json:"arn"`
	Name          string       `json:"name"`
	Description   string       `json:"description,omitempty"`
	KafkaVersions []string     `json:"kafkaVersions,omitempty"` // that it is for; none: all
	Created       time.Time    `json:"created"`
	Latest        revisionInfo `json:"latest"`
}

// revisionInfo is a revision without its text.
type revisionInfo struct {
	Number      int64     `json:"number"` // from 1
	Created     time.Time `json:"created"`
	Description string    `json:"description,omitempty"`
}

// revision is the document of one revision; it never changes.
type revision struct {
	revisionInfo
	Properties []byte `json:"properties"` // as they were given
}

// configurationRef names a revision of a configuration.
type configurationRef struct {
	ARN      string `json:"arn"`
	Revision int64  `json:"revision"`
}

var configurationShape = regexp.MustCompile(`^arn:aws[a-z-]*:kafka:([a-z0-9-]+):([0-9]{12}):configuration/([0-9A-Za-z][0-9A-Za-z-]*)/([0-9a-f-]{36}-[0-9]{1,2})$`)

// maxConfigurationName bounds names, which are part of keys. UNVERIFIED
const maxConfigurationName = 128

var configurationNameShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]*$`)

// Wordings of refusals.
var (
	errConfigurationARN = badRequest("arn", "Invalid Configuration ARN.")
	errNoConfiguration  = badRequest("arn", "Configuration ARN does not exist.")
)

// nameOfConfiguration reads the ARN of a configuration in the caller's account
// and region.
func nameOfConfiguration(caller model.Caller, arn string) (string, error) {
	m := configurationShape.FindStringSubmatch(arn)
	if len(arn) > maxARNBytes || m == nil {
		return "", errConfigurationARN
	}
	if m[1] != caller.Region || m[2] != caller.Account {
		return "", errNoConfiguration
	}
	return m[3], nil
}

// newProperties reads and checks the text of a request, which is in base64.
func newProperties(encoded *string) ([]byte, error) {
	text, err := base64.StdEncoding.DecodeString(deref(encoded))
	if err != nil {
		return nil, errProperties
	}
	list, err := readProperties(text)
	if err == nil {
		err = checkProperties(list)
	}
	return text, err
}

// decideConfiguration answers a new configuration and its first revision.
// aws:kafka CreateConfiguration
func decideConfiguration(at place, in *kafka.CreateConfigurationRequest, existing []configuration, most int, id string, now time.Time) (configuration, revision, error) {
	name := deref(in.Name)
	if len(name) > maxConfigurationName || !configurationNameShape.MatchString(name) {
		return configuration{}, revision{}, badRequest("name", "The parameter value contains one or more characters that are not valid.")
	}
	for _, v := range in.KafkaVersions {
		if !slices.ContainsFunc(versions, func(known version) bool { return known.name == v }) {
			return configuration{}, revision{}, badRequest("kafkaVersions", "Unsupported KafkaVersion [%s]. Valid values: [%s]", v, strings.Join(versionNames(), ", "))
		}
	}
	text, err := newProperties(in.ServerProperties)
	if err != nil {
		return configuration{}, revision{}, err
	}
	if slices.ContainsFunc(existing, func(c configuration) bool { return c.Name == name }) {
		return configuration{}, revision{}, conflict("name", "A resource with this name already exists.")
	}
	if len(existing) >= most { // UNVERIFIED wording
		return configuration{}, revision{}, badRequest("", "The account can have at most %d configurations.", most)
	}
	now = now.UTC().Truncate(time.Millisecond)
	r := revision{revisionInfo{1, now, deref(in.Description)}, text}
	return configuration{
		ARN:  makeARN(at.partition, at.region, at.account, "configuration/"+name+"/"+id),
		Name: name, Description: deref(in.Description), KafkaVersions: slices.Clone(in.KafkaVersions), Created: now, Latest: r.revisionInfo,
	}, r, nil
}

func versionNames() (names []string) {
	for _, v := range versions {
		names = append(names, v.name)
	}
	return names
}

// decideRevision answers a configuration's next revision, which replaces the
// properties as a whole. aws:kafka UpdateConfiguration
func decideRevision(c configuration, in *kafka.UpdateConfigurationRequest, most int, now time.Time) (configuration, revision, error) {
	text, err := newProperties(in.ServerProperties)
	if err != nil {
		return c, revision{}, err
	}
	if c.Latest.Number >= int64(most) { // UNVERIFIED wording
		return c, revision{}, badRequest("", "A configuration can have at most %d revisions.", most)
	}
	c.Latest = revisionInfo{c.Latest.Number + 1, now.UTC().Truncate(time.Millisecond), deref(in.Description)}
	return c, revision{c.Latest, text}, nil
}

// decideForget says whether a configuration can be deleted: not while a cluster
// has it, or may go back to it. aws:kafka DeleteConfiguration
func decideForget(c configuration, clusters []cluster) error {
	for _, cl := range clusters {
		if slices.ContainsFunc(cl.configurations(), func(r configurationRef) bool { return r.ARN == c.ARN }) {
			return badRequest("arn", "Configuration is in use by one or more clusters. Dissociate the configuration from the clusters.")
		}
	}
	return nil
}

// configurations is every configuration that a cluster has or may need.
func (c *cluster) configurations() (all []configurationRef) {
	add := func(r *configurationRef) {
		if r != nil && !slices.Contains(all, *r) {
			all = append(all, *r)
		}
	}
	if c.Provisioned != nil {
		add(c.Provisioned.Configuration)
	}
	for _, b := range c.Brokers {
		add(b.Configuration)
	}
	if c.busy() {
		add(c.Operation.Source.Configuration)
		add(c.Operation.Target.Configuration)
	}
	return all
}

// usable checks that a cluster of a Kafka version can have a configuration.
// UNVERIFIED wording
func (c configuration) usable(kafkaVersion string) error {
	if len(c.KafkaVersions) == 0 || slices.Contains(c.KafkaVersions, kafkaVersion) {
		return nil
	}
	return badRequest("configurationInfo", "The configuration is for the Apache Kafka versions [%s], not %s.", strings.Join(c.KafkaVersions, ", "), kafkaVersion)
}

func (c configuration) render() kafka.Configuration {
	return kafka.Configuration{
		Arn: new(c.ARN), CreationTime: model.NewTime(c.Created), Description: new(c.Description),
		KafkaVersions: append([]string{}, c.KafkaVersions...), LatestRevision: c.Latest.render(), Name: new(c.Name), State: new("ACTIVE"),
	}
}

func (r revisionInfo) render() *kafka.ConfigurationRevision {
	return &kafka.ConfigurationRevision{CreationTime: model.NewTime(r.Created), Description: new(r.Description), Revision: new(r.Number)}
}

func (r *configurationRef) render() *kafka.ConfigurationInfo {
	if r == nil {
		return nil
	}
	return &kafka.ConfigurationInfo{Arn: new(r.ARN), Revision: new(r.Revision)}
}

func configurationPrefix(account, region string) string {
	return account + "/" + region + "/msk/configuration/"
}

func revisionPrefix(account, region, name string) string {
	return account + "/" + region + "/msk/configuration-revision/" + name + "/"
}

// revisionKey sorts as the numbers do.
func revisionKey(account, region, name string, number int64) string {
	return revisionPrefix(account, region, name) + fmt.Sprintf("%06d", number)
}
