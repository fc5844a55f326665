package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	variablePrefix = "MILLRACE_"
	configVariable = "MILLRACE_CONFIG"
	configFile     = "millrace.yaml" // of the working directory
	maxConfigBytes = 1 << 20
)

// reserved are variables that `millrace env` exports: results, never settings.
var reserved = []string{
	"MILLRACE_CA_PEM", "MILLRACE_TRUSTSTORE", "MILLRACE_TRUSTSTORE_PASSWORD",
	"MILLRACE_VPC", "MILLRACE_SUBNETS", "MILLRACE_SECURITY_GROUP",
}

// settle gives every flag of cmd its value: from the command line, else from
// its variable, else from the settings file, else its default.
func (a *app) settle(cmd *cobra.Command) error {
	path := a.configPath()
	file, err := readSettings(path)
	if err != nil {
		return err
	}
	known := settable(cmd.Root())
	for key := range file {
		if !known[key] {
			return usagef("%s: unknown setting %q: settings have the names of flags, without the dashes", path, key)
		}
	}
	var first error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if first == nil {
			first = a.settleFlag(f, path, file)
		}
	})
	return first
}

func (a *app) settleFlag(f *pflag.Flag, path string, file map[string]string) error {
	if f.Changed {
		a.sources[f.Name] = "flag"
		return nil
	}
	if !isSetting(f) {
		return nil
	}
	variable := variableOf(f.Name)
	value, source := a.env[variable], variable
	if value == "" || slices.Contains(reserved, variable) {
		fromFile, ok := file[f.Name]
		if !ok {
			return nil
		}
		value, source = fromFile, path
	}
	if err := f.Value.Set(value); err != nil {
		return usagef("%s: %q is no value for %s: %v", source, value, f.Name, err)
	}
	a.sources[f.Name] = source
	return nil
}

func variableOf(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// isSetting says whether a flag may be set otherwise than by itself.
func isSetting(f *pflag.Flag) bool { return f.Name != "config" && f.Name != "help" }

// configPath is the settings file to read, which must be there unless it is
// the default one.
func (a *app) configPath() string {
	if a.config != "" {
		return a.config
	}
	if path := a.env[configVariable]; path != "" {
		return path
	}
	if _, err := os.Stat(configFile); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return configFile
}

// readSettings reads a flat YAML mapping of flag names to single values.
func readSettings(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxConfigBytes {
		return nil, usagef("%s: larger than %d bytes", path, maxConfigBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("settings file: %w", err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, usagef("%s: %v", path, err)
	}
	out := make(map[string]string, len(values))
	for key, value := range values {
		switch v := value.(type) {
		case string, bool, int, int64, uint64, float64:
			out[key] = fmt.Sprint(v)
		default:
			return nil, usagef("%s: %s must be one value", path, key)
		}
	}
	return out, nil
}

// settable is the names of all flags of all commands: one file serves them all.
func settable(root *cobra.Command) map[string]bool {
	out := map[string]bool{}
	add := func(f *pflag.Flag) {
		if isSetting(f) {
			out[f.Name] = true
		}
	}
	for _, cmd := range append(root.Commands(), root) {
		cmd.LocalFlags().VisitAll(add)
		for _, child := range cmd.Commands() {
			child.LocalFlags().VisitAll(add)
		}
	}
	return out
}
