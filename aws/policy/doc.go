// Package policy is the policy language of IAM: it parses documents, decides
// requests by them, and says which statement decided.
//
// aws/iam keeps the documents and calls it for every AWS operation and every
// Kafka request; a cluster's policy is parsed by it too. It knows nothing of
// users, stores or clocks: what a condition asks of a request travels in the
// request's Context.
//
// A parsed Document is immutable; everything here may be called concurrently.
// Deciding allocates nothing unless a policy variable has to be replaced.
//
// The rules are those of the "IAM JSON policy reference" and "Policy evaluation
// logic" chapters of the IAM user guide; comments name the places where they
// surprise.
package policy
