package audit

import "strings"

// PrincipalOf says who an ARN is, in CloudTrail's words.
func PrincipalOf(arn string) Identity {
	id := Identity{Type: "Unknown", ARN: arn}
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		id.AccountID = parts[4]
	}
	last := arn[strings.LastIndexByte(arn, '/')+1:]
	switch {
	case strings.HasSuffix(arn, ":root"):
		id.Type = "Root"
	case strings.Contains(arn, ":user/"):
		id.Type, id.UserName = "IAMUser", last
	case strings.Contains(arn, ":assumed-role/"):
		id.Type = "AssumedRole"
	}
	return id
}
