package ssm

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/aws/model"
	"github.com/millrace/millrace/aws/model/ssm"
)

// Limits. "AWS Systems Manager endpoints and quotas", Parameter Store, but for
// the number of standard parameters: Millrace counts the advanced ones' quota
// for both.
const (
	maxStandard    = 4 << 10 // bytes of a value
	maxAdvanced    = 8 << 10
	maxVersions    = 100
	maxLevels      = 15
	maxLabels      = 10 // of a version
	maxTags        = 50
	maxName        = 1011 // characters of the ARN, with what stands before the name
	secure         = "SecureString"
	standard       = "Standard"
	advanced       = "Advanced"
	defaultKey     = "alias/aws/ssm"
	labelMaxLength = 100
)

var (
	nameShape  = regexp.MustCompile(`^[a-zA-Z0-9_./-]+$`)
	labelShape = regexp.MustCompile(`^[a-zA-Z_.-][a-zA-Z0-9_.-]*$`)
)

// selector is a name with what stands behind it: NAME, NAME:VERSION, NAME:LABEL.
type selector struct {
	name    string
	given   string // ":VERSION" or ":LABEL", or empty
	version int64
	label   string
}

// parseSelector reads a name, which may be an ARN of the caller's account.
func parseSelector(c model.Caller, text string) selector {
	own := arn(c, "")
	if rest, ok := strings.CutPrefix(text, own); ok {
		text = rest
		if strings.Contains(text, "/") { // only paths have slashes, and begin with one
			text = "/" + text
		}
	}
	name, rest, ok := strings.Cut(text, ":")
	out := selector{name: name}
	if !ok {
		return out
	}
	out.given = ":" + rest
	if n, err := strconv.ParseInt(rest, 10, 64); err == nil {
		out.version = n
	} else {
		out.label = rest
	}
	return out
}

// checkName refuses what cannot be the name of a new parameter. "Creating
// Parameter Store parameters" of the Systems Manager user guide; UNVERIFIED
// wordings
func checkName(c model.Caller, name string) error {
	const rules = " (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
	lower := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case strings.HasPrefix(lower, "aws"):
		return &model.Error{Code: "AccessDeniedException", HTTP: 400, Message: "No access to reserved parameter name: " + name + "."}
	case strings.HasPrefix(lower, "ssm"):
		return invalid(`Parameter name: can't be prefixed with "ssm"%s`, rules)
	case !nameShape.MatchString(name), strings.Contains(name, "//"), strings.HasSuffix(name, "/"):
		return invalid(`Parameter name must not be prefixed with "aws" or "ssm"%s`, rules)
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return invalid("Parameter name must be a fully qualified name.")
	case len(arn(c, name)) > maxName:
		return invalid("The parameter name is longer than %d characters with its ARN.", maxName)
	case strings.Count(name, "/") > maxLevels:
		return fault("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of %d levels.", maxLevels)
	}
	return nil
}

// decideVersion is the next version of a parameter as a request says, after the
// current one; nil for none. Its value is in the clear.
// aws:ssm PutParameter
func decideVersion(in *ssm.PutParameterRequest, before *version) (v version, err error) {
	if in.Policies != nil && *in.Policies != "" && *in.Policies != "[]" {
		return v, &model.Error{Code: "InvalidPolicyTypeException", HTTP: 400, Message: "millrace does not implement parameter policies"}
	}
	if t := deref(in.DataType); t != "" && t != "text" {
		return v, invalid("millrace does not implement parameters of the data type %s", t)
	}
	v = version{Version: 1, Type: deref(in.Type), Value: *in.Value, Tier: standard, Description: deref(in.Description), Pattern: deref(in.AllowedPattern)}
	if before != nil {
		v.Version = before.Version + 1
		if in.Type == nil {
			v.Type = before.Type
		}
		if in.Description == nil {
			v.Description = before.Description
		}
		v.Tier = before.Tier
	}
	if v.Type == "" {
		return v, invalid("A parameter type is required when you create a parameter.")
	}
	if v.Value == "" {
		return v, invalid("1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	if err := v.checkTier(deref(in.Tier)); err != nil {
		return v, err
	}
	if v.Type == secure {
		if v.Key = deref(in.KeyId); v.Key == "" {
			v.Key = defaultKey
		}
	} else if in.KeyId != nil {
		return v, invalid("KeyId is required for SecureString type parameter only.")
	}
	return v, v.checkPattern()
}

// checkTier finds the tier and refuses a value that is too long for it.
func (v *version) checkTier(asked string) error {
	switch {
	case asked == "":
	case asked == "Intelligent-Tiering":
		if len(v.Value) > maxStandard {
			v.Tier = advanced
		}
	case v.Version > 1 && v.Tier == advanced && asked == standard:
		return invalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	default:
		v.Tier = asked
	}
	switch {
	case v.Tier == standard && len(v.Value) > maxStandard:
		return invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html", maxStandard)
	case len(v.Value) > maxAdvanced:
		return invalid("Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	}
	return nil
}

func (v *version) checkPattern() error {
	if v.Pattern == "" {
		return nil
	}
	re, err := regexp.Compile(v.Pattern)
	if err != nil {
		return fault("InvalidAllowedPatternException", "The request does not meet the regular expression requirement.")
	}
	if !re.MatchString(v.Value) {
		return fault("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", v.Pattern)
	}
	return nil
}

// add adds a version and answers those that go for it: the oldest, unless it has
// a label.
func (p *parameter) add(n int64) (dropped []int64, err error) {
	p.Versions = append(p.Versions, n)
	for len(p.Versions) > maxVersions {
		oldest := p.Versions[0]
		if len(p.labelsOf(oldest)) > 0 {
			return nil, fault("ParameterMaxVersionLimitExceeded", "You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.", p.Name, oldest)
		}
		p.Versions = p.Versions[1:]
		dropped = append(dropped, oldest)
	}
	return dropped, nil
}

func (p *parameter) current() int64 { return p.Versions[len(p.Versions)-1] }

func (p *parameter) labelsOf(n int64) (out []string) {
	for label, of := range p.Labels {
		if of == n {
			out = append(out, label)
		}
	}
	slices.Sort(out)
	return out
}

// pick is the version that a selector means.
func (p *parameter) pick(s selector) (int64, error) {
	switch {
	case s.given == "":
		return p.current(), nil
	case s.label != "":
		if n, ok := p.Labels[s.label]; ok {
			return n, nil
		}
		return 0, fault("ParameterVersionNotFound", "Systems Manager could not find label %s for parameter %s. Verify the label and try again.", s.label, s.name)
	case slices.Contains(p.Versions, s.version):
		return s.version, nil
	}
	return 0, fault("ParameterVersionNotFound", "Systems Manager could not find version %d of %s. Verify the version and try again.", s.version, s.name)
}

// label moves labels to a version. aws:ssm LabelParameterVersion
func (p *parameter) label(n int64, labels []string) (invalidLabels []string, err error) {
	if !slices.Contains(p.Versions, n) {
		return nil, fault("ParameterVersionNotFound", "Systems Manager could not find version %d of %s. Verify the version and try again.", n, p.Name)
	}
	next := maps.Clone(p.Labels)
	if next == nil {
		next = map[string]int64{}
	}
	for _, l := range labels {
		lower := strings.ToLower(l)
		if !labelShape.MatchString(l) || len(l) > labelMaxLength || strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm") {
			invalidLabels = append(invalidLabels, l)
			continue
		}
		next[l] = n
	}
	p.Labels = next
	if len(p.labelsOf(n)) > maxLabels {
		return nil, fault("ParameterVersionLabelLimitExceeded", "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can have maximum %d labels. Move one or more labels to another version and try again.", maxLabels)
	}
	return invalidLabels, nil
}

// mergeTags adds tags to those that there are.
func mergeTags(have map[string]string, add []ssm.Tag) (map[string]string, error) {
	out := maps.Clone(have)
	if out == nil {
		out = map[string]string{}
	}
	for _, t := range add {
		name := deref(t.Key)
		if strings.HasPrefix(strings.ToLower(name), "aws:") {
			return nil, invalid("The tag key %s is reserved.", name)
		}
		out[name] = deref(t.Value)
	}
	if len(out) > maxTags {
		return nil, fault("TooManyTagsError", "The Targets parameter includes too many tags: at most %d are allowed.", maxTags)
	}
	return out, nil
}

// view is what filters compare with.
type view struct {
	p *parameter
	v *version
}

// filterKeys are the keys that each operation's filters may have.
// aws:ssm ParameterStringFilter
var (
	describeKeys = []string{"Name", "Type", "KeyId", "Path", "Tier", "DataType"}
	pathKeys     = []string{"Type", "KeyId", "Label"}
)

// checkFilters refuses filters that an operation does not have.
func checkFilters(filters []ssm.ParameterStringFilter, keys []string, tags bool) error {
	for _, f := range filters {
		key, option := deref(f.Key), deref(f.Option)
		tag := strings.HasPrefix(key, "tag:")
		switch {
		case tag && !tags, !tag && !slices.Contains(keys, key):
			return fault("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", key, strings.Join(keys, ", "))
		case len(f.Values) == 0 && !tag:
			return fault("InvalidFilterValue", "The following filter values are missing : null for filter key %s.", key)
		case len(f.Values) > 50:
			return fault("InvalidFilterValue", "The filter %s has more than 50 values.", key)
		}
		options := []string{"", "Equals", "BeginsWith"}
		switch key {
		case "Path":
			options = []string{"", "Recursive", "OneLevel"}
		case "Name":
			options = append(options, "Contains")
		}
		if !slices.Contains(options, option) {
			return fault("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].", option, strings.Join(options[1:], ", "))
		}
	}
	return nil
}

// matches says whether every filter lets a parameter through.
func (x view) matches(filters []ssm.ParameterStringFilter) bool {
	for _, f := range filters {
		if !x.match(deref(f.Key), deref(f.Option), f.Values) {
			return false
		}
	}
	return true
}

func (x view) match(key, option string, values []string) bool {
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		got, has := x.p.Tags[tag]
		return has && (len(values) == 0 || slices.Contains(values, got))
	}
	has := map[string][]string{
		"Name": {x.p.Name}, "Path": {x.p.Name}, "Type": {x.v.Type}, "KeyId": {x.v.Key}, "Tier": {x.v.Tier}, "DataType": {"text"}, "Label": x.p.labelsOf(x.v.Version),
	}[key]
	for _, want := range values {
		for _, got := range has {
			if compare(option, key, got, want) {
				return true
			}
		}
	}
	return false
}

func compare(option, key, got, want string) bool {
	switch {
	case key == "Path":
		return below(got, want, option == "Recursive")
	case option == "BeginsWith":
		return strings.HasPrefix(got, want) || key == "Name" && strings.HasPrefix(strings.TrimPrefix(got, "/"), want)
	case option == "Contains":
		return strings.Contains(got, want)
	}
	return got == want
}

// below says whether a name is below a path: on the next level, or on any.
func below(name, path string, recursive bool) bool {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
	if path == "/" && !strings.HasPrefix(name, "/") { // names that are no paths are on the first level
		rest, ok = name, true
	}
	return ok && rest != "" && (recursive || !strings.Contains(rest, "/"))
}

// checkPath refuses what is no path. aws:ssm GetParametersByPath
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || !nameShape.MatchString(path) || strings.Contains(path, "//") || !utf8.ValidString(path) {
		return invalid(`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`)
	}
	return nil
}
