package iam

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/aws/policy"
)

// checkManaged checks the document of a managed policy.
func checkManaged(document string) error {
	if _, err := checkDocument(policy.Identity, document); err != nil {
		return err
	}
	if characters(document) > maxManagedLength {
		return overQuota("PolicySize", maxManagedLength)
	}
	return nil
}

// checkTrust checks a role's trust policy.
func checkTrust(document string) (*policy.Document, error) {
	doc, err := checkDocument(policy.Trust, document)
	if err != nil {
		return nil, err
	}
	if characters(document) > maxTrustLength {
		return nil, overQuota("ACLSizePerRole", maxTrustLength)
	}
	return doc, nil
}

// version finds a version; 0 is the default one.
func (m *managed) version(number int) *policyVersion {
	if number == 0 {
		number = m.Default
	}
	for i := range m.Versions {
		if m.Versions[i].Number == number {
			return &m.Versions[i]
		}
	}
	return nil
}

// parseVersion reads a version's id, such as v3.
func parseVersion(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "v"))
	if err != nil || n < 1 || !strings.HasPrefix(id, "v") {
		return -1
	}
	return n
}

// addVersion adds a version, which comes into force when asked.
func (m *managed) addVersion(document string, inForce bool, now time.Time) (*policyVersion, error) {
	if err := checkManaged(document); err != nil {
		return nil, err
	}
	if len(m.Versions) == maxVersions {
		return nil, limitExceeded("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
	}
	m.Last++
	m.Versions = append(m.Versions, policyVersion{m.Last, document, now})
	if m.Updated = now; inForce {
		m.Default = m.Last
	}
	return &m.Versions[len(m.Versions)-1], nil
}

func (m *managed) removeVersion(number int, now time.Time) error {
	if number == m.Default {
		return deleteConflict("Cannot delete the default version of a policy.")
	}
	m.Versions = slices.DeleteFunc(m.Versions, func(v policyVersion) bool { return v.Number == number })
	m.Updated = now
	return nil
}

// usage is how often a managed policy is used.
type usage struct{ attached, boundary int }

// uses counts what one entity uses.
func (u *usage) add(e *entity, arn string) {
	if slices.Contains(e.Attached, arn) {
		u.attached++
	}
	if e.Boundary == arn {
		u.boundary++
	}
}

// deletable says why a managed policy may not be deleted yet.
func (m *managed) deletable(u usage) error {
	switch {
	case u.attached+u.boundary > 0:
		return deleteConflict("Cannot delete a policy attached to entities.")
	case len(m.Versions) > 1:
		return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	return nil
}
