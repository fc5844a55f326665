// Package iam is the core of identity: accounts, their credentials, and who may
// do what. aws/api asks it who signed a request and whether the caller may; the
// server asks it the same for Kafka clients. It also serves sts.
//
// This first slice knows one account and its root credential, which may do
// everything. decide.go is pure; service.go knows the store and randomness.
package iam
