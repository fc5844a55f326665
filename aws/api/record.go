package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/millrace/millrace/audit"
	"github.com/millrace/millrace/aws/iam"
	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/sigv4"
)

// readVerbs begin the names of operations that change nothing.
var readVerbs = []string{"Get", "List", "Describe", "Head", "Lookup", "Search", "Simulate", "BatchGet", "Verify", "Decode", "Generate", "Encrypt", "Decrypt", "ReEncrypt"}

// readOperations change nothing either. Uses of a KMS key are as many as there
// are secrets to read.
var readOperations = map[string]bool{
	"kms:Decrypt": true, "kms:Encrypt": true, "kms:ReEncrypt": true, "kms:Sign": true, "kms:DeriveSharedSecret": true,
	"secretsmanager:ValidateResourcePolicy": true, "logs:FilterLogEvents": true,
	"s3:UploadPart": true, "s3:UploadPartCopy": true, // the completion tells
}

// recordedReads change nothing and are recorded as changes are: they hand out
// secrets or credentials.
var recordedReads = map[string]bool{
	"sts:AssumeRole": true, "sts:AssumeRoleWithWebIdentity": true, "sts:AssumeRoleWithSAML": true, "sts:GetSessionToken": true,
	"sts:GetFederationToken": true, "secretsmanager:GetSecretValue": true, "secretsmanager:BatchGetSecretValue": true,
	"kms:Decrypt": true, "kms:Encrypt": true, "kms:ReEncrypt": true, "kms:GenerateDataKey": true, "kms:GenerateDataKeyWithoutPlaintext": true,
	"ssm:GetParameter": true, "ssm:GetParameters": true, "ssm:GetParametersByPath": true, "ssm:GetParameterHistory": true,
}

// readOnly says whether an operation changes nothing, by its name as AWS's
// managed ReadOnlyAccess policies do.
func readOnly(operation string) bool {
	service, name, _ := strings.Cut(operation, ":")
	if service == "sts" || readOperations[operation] { // sts keeps nothing
		return true
	}
	for _, verb := range readVerbs {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}

// dataOperations are what resources are made for: as many as there are data.
// (AWS CloudTrail user guide, data events)
var dataOperations = map[string]bool{"logs:PutLogEvents": true}

// recordable says whether an operation is on record when it succeeds.
func recordable(operation string) bool {
	return (!readOnly(operation) || recordedReads[operation]) && !dataOperations[operation]
}

// auditable refuses what could not be recorded.
func (h *handler) auditable(e *event) error {
	if h.cfg.Audit == nil || !recordable(e.operation) {
		return nil
	}
	if err := h.cfg.Audit.Err(); err != nil {
		h.cfg.Log.Error("a call is refused, since it cannot be recorded", "request", e.id, "operation", e.operation, "error", err)
		return &model.Error{Code: "ServiceUnavailableException", HTTP: http.StatusServiceUnavailable, Message: "The audit log has failed: nothing may be changed."}
	}
	return nil
}

// record puts a call on record: one that changed something before it is
// answered, one that was refused soon. It returns err, or why the call could not
// be recorded.
func (h *handler) record(r *http.Request, e *event, out any, err error) error {
	if h.cfg.Audit == nil || err == nil && !recordable(e.operation) {
		return err
	}
	ev := h.eventOf(r, e)
	if err == nil {
		if data, encodeErr := json.Marshal(out); encodeErr == nil && !readOnly(e.operation) {
			ev.Response = audit.Redact(data)
		}
		return h.cfg.Audit.Commit(context.WithoutCancel(r.Context()), ev) // it is done, whether the caller waits or not
	}
	if refused := (*iam.Refused)(nil); errors.As(err, &refused) {
		ev.Additional, _ = json.Marshal(map[string]string{"why": refused.Why}) // a text encodes
	}
	known, bad := (*model.Error)(nil), (*sigv4.Error)(nil)
	switch {
	case errors.As(err, &known):
		ev.ErrorCode, ev.ErrorMessage = known.Code, known.Message
	case errors.As(err, &bad):
		ev.ErrorCode, ev.ErrorMessage = "InvalidSignature", bad.Message
		ev.Identity = audit.Identity{Type: "Unknown", AccessKeyID: e.accessKey} // claimed, not proven
	default:
		ev.ErrorCode = "InternalFailure"
	}
	denied := bad != nil || known != nil && (known.HTTP == http.StatusForbidden || known.HTTP == http.StatusUnauthorized || known.Code == throttled().Code)
	if denied || !readOnly(e.operation) && e.operation != "?" {
		h.cfg.Audit.Refused(ev)
	}
	return err
}

// eventOf is what is known of a call. A request that was not verified has no
// parameters on record: strangers do not write there.
func (h *handler) eventOf(r *http.Request, e *event) audit.Event {
	service, name, _ := strings.Cut(e.operation, ":")
	if service == "?" {
		service, name = e.service, "Unknown"
	}
	if service == "" {
		service = "unknown"
	}
	if service != "millrace" {
		service += ".amazonaws.com"
	}
	ev := audit.Event{
		Identity: identityOf(e.who), Time: audit.Stamp{Time: h.cfg.Now()}, Source: service, Name: name, Region: e.who.Region,
		SourceIP: sourceIP(r), UserAgent: r.UserAgent(), RequestID: e.id, ReadOnly: e.operation != "?" && readOnly(e.operation), Account: e.who.Account,
	}
	if e.as != nil {
		ev.Identity = *e.as
	}
	if e.in != nil {
		ev.Parameters = parameters(e.in, secretMembers[e.operation])
		for _, name := range slices.Sorted(maps.Keys(e.in.Segments)) {
			if v := e.in.Segments[name]; strings.HasPrefix(v, "arn:") {
				ev.Resources = append(ev.Resources, audit.Resource{ARN: v})
			}
		}
	}
	return ev
}

// identityOf says who a verified caller is.
func identityOf(c model.Caller) audit.Identity {
	id := audit.PrincipalOf(c.ARN)
	id.PrincipalID, id.AccountID, id.AccessKeyID = c.UserID, c.Account, c.AccessKeyID
	return id
}

// secretMembers are the members of inputs whose names do not tell that they are
// secret.
var secretMembers = map[string]string{"ssm:PutParameter": "Value"}

// parameters is an input as one JSON object without secrets, and without the
// member hidden.
func parameters(in *model.Input, hidden string) json.RawMessage {
	out := map[string]any{}
	if len(in.Body) > 0 {
		_ = json.Unmarshal(in.Body, &out) // the protocol has checked it
	}
	if members, ok := in.Document.(map[string]any); ok {
		maps.Copy(out, members)
	}
	for name, value := range in.Segments {
		out[name] = value
	}
	for _, values := range []map[string][]string{in.Query, in.Form} {
		for name, list := range values {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-") || name == "Action" || name == "Version" {
				continue
			}
			if len(list) == 1 {
				out[name] = list[0]
			} else {
				out[name] = list
			}
		}
	}
	if _, ok := out[hidden]; ok {
		out[hidden] = audit.Hidden
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return audit.Redact(data)
}
