package msk

import (
	"regexp"
	"strings"
)

// clusterARN is a parsed ARN of a cluster:
// arn:{partition}:kafka:{region}:{account}:cluster/{name}/{uuid-N}.
type clusterARN struct {
	region, account, name, id string
}

// maxARNBytes bounds what is looked at of a caller's ARN.
const maxARNBytes = 512

var (
	arnShape       = regexp.MustCompile(`^arn:aws[a-z-]*:kafka:([a-z0-9-]+):([0-9]{12}):cluster/([0-9A-Za-z][0-9A-Za-z-]{0,63})/([0-9a-f-]{36}-s?[0-9]{1,2})$`)
	operationShape = regexp.MustCompile(`^(arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster)-operation(/[0-9A-Za-z-]{1,64}/[0-9a-f-]{36}-s?[0-9]{1,2})/([0-9a-f-]{36})$`)
	nameShape      = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`)
)

func parseARN(s string) (clusterARN, bool) {
	if len(s) > maxARNBytes {
		return clusterARN{}, false
	}
	m := arnShape.FindStringSubmatch(s)
	if m == nil {
		return clusterARN{}, false
	}
	return clusterARN{region: m[1], account: m[2], name: m[3], id: m[4]}, true
}

// parseOperationARN reads the ARN of an operation:
// arn:{partition}:kafka:{region}:{account}:cluster-operation/{name}/{uuid-N}/{uuid}.
func parseOperationARN(s string) (clusterARN, id string, ok bool) {
	if len(s) > maxARNBytes {
		return "", "", false
	}
	m := operationShape.FindStringSubmatch(s)
	if m == nil {
		return "", "", false
	}
	return m[1] + m[2], m[3], true
}

// operationARN names an operation of a cluster.
func (c *cluster) operationARN(id string) string {
	return strings.Replace(c.ARN, ":cluster/", ":cluster-operation/", 1) + "/" + id
}

func makeARN(partition, region, account, resource string) string {
	return strings.Join([]string{"arn", partition, "kafka", region, account, resource}, ":")
}

const maxLabel = 20 // characters of a cluster's name in its host names

// hostLabel is the part of host names made of a cluster's name: lower case,
// without hyphens, cut.
func hostLabel(name string) string {
	label := strings.ReplaceAll(strings.ToLower(name), "-", "")
	return label[:min(len(label), maxLabel)]
}
