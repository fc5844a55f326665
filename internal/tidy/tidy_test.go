// Package tidy holds the rules of the repository as tests: who may import whom,
// which third-party modules there are and why, what every package says of
// itself, and how long files may grow.
package tidy

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/millrace/millrace/"

// kind is the kind of a package; imports run down the list only.
type kind int

const (
	library kind = iota
	core
	engine
	edge
	assembly
	top
)

// kinds says what every package is: docs/design/0001.
var kinds = map[string]kind{
	"audit":                            library,
	"aws/model":                        library,
	"aws/model/acmpca":                 library,
	"aws/model/applicationautoscaling": library,
	"aws/model/ssm":                    library,
	"aws/model/cloudwatch":             library,
	"aws/model/ec2":                    library,
	"aws/model/iam":                    library,
	"aws/model/kafka":                  library,
	"aws/model/kms":                    library,
	"aws/eventlog":                     library,
	"aws/model/logs":                   library,
	"aws/model/secretsmanager":         library,
	"aws/model/servicequotas":          library,
	"aws/model/sts":                    library,
	"aws/oidc":                         library,
	"aws/oidc/oidctest":                library,
	"aws/policy":                       library,
	"aws/s3/blobs":                     library,
	"aws/seal":                         library,
	"aws/sigv4":                        library,
	"kafka/loggers":                    library,
	"kafka/measure":                    library,
	"kafka/quota":                      library,
	"kafka/record":                     library,
	"kafka/sasl":                       library,
	"kafka/statemachine":               library,
	"kafka/statemachine/logtest":       library,
	"kafka/storage":                    library,
	"kafka/wire":                       library,
	"metrics":                          library,
	"pki":                              library,
	"store":                            library,
	"store/storetest":                  library,
	"throttle":                         library,
	"vfs":                              library,
	"vfs/vfstest":                      library,
	"aws/acmpca":                       core,
	"aws/cloudwatch":                   core,
	"aws/ec2":                          core,
	"aws/iam":                          core,
	"aws/kms":                          core,
	"aws/logs":                         core,
	"aws/msk":                          core,
	"aws/s3":                           core,
	"aws/secretsmanager":               core,
	"aws/servicequotas":                core,
	"aws/applicationautoscaling":       core,
	"aws/ssm":                          core,
	"kafka/group":                      core,
	"kafka/metadata":                   core,
	"kafka/txn":                        core,
	"audit/trail":                      engine,
	"fleet":                            engine,
	"monitor":                          engine,
	"upgrade":                          engine,
	"kafka/coordinator":                engine,
	"kafka/partition":                  engine,
	"aws/api":                          edge,
	"aws/msktopics":                    edge,
	"kafka/broker":                     edge,
	"kafka/listener":                   edge,
	"kafka/cluster":                    assembly,
	"server":                           assembly,
	"bench":                            top,
	"cli":                              top,
	"cmd/millrace":                     top,
	"e2e":                              top,
	"e2e/differential":                 top,
	"e2e/clients":                      top,
	"e2e/goclients":                    top,
	"e2e/gosigner":                     top,
	"e2e/install":                      top,
	"internal/gen/aws":                 top,
	"internal/gen/readme":              top,
	"internal/gen/coverage":            top,
	"internal/gen/wire":                top,
	"internal/gen/wire/probe":          top,
	"internal/tidy":                    top,
	"millracetest":                     top,
	"sim":                              top,
}

// exceptions are imports that the kinds alone would forbid, each with its reason.
var exceptions = map[string]string{
	"kafka/broker -> kafka/listener":                "the brokers implement listener.Backend and use its requests",
	"kafka/cluster -> kafka/broker":                 "the assembly of the Kafka side",
	"server -> kafka/cluster":                       "the assembly of the whole",
	"cmd/millrace -> cli":                           "main",
	"e2e -> e2e/clients":                            "tests",
	"e2e/install -> e2e/clients":                    "the installer as a command",
	"bench -> e2e/clients":                          "the bench starts the Kafka that the tests install",
	"aws/model/kafka -> aws/model":                  "generated shapes and what they share",
	"aws/model/sts -> aws/model":                    "generated shapes and what they share",
	"aws/model/iam -> aws/model":                    "generated shapes and what they share",
	"aws/model/ec2 -> aws/model":                    "generated shapes and what they share",
	"aws/model/kms -> aws/model":                    "generated shapes and what they share",
	"aws/model/secretsmanager -> aws/model":         "generated shapes and what they share",
	"aws/model/applicationautoscaling -> aws/model": "generated shapes and what they share",
	"aws/model/ssm -> aws/model":                    "generated shapes and what they share",
	"aws/model/acmpca -> aws/model":                 "generated shapes and what they share",
	"aws/model/cloudwatch -> aws/model":             "generated shapes and what they share",
	"aws/model/logs -> aws/model":                   "generated shapes and what they share",
	"aws/eventlog -> vfs":                           "libraries below",
	"kafka/storage -> kafka/record":                 "libraries below",
	"aws/s3/blobs -> vfs":                           "libraries below",
	"aws/s3/blobs -> aws/seal":                      "libraries below",
	"kafka/storage -> vfs":                          "libraries below",
	"kafka/sasl -> kafka/wire":                      "libraries below",
}

type file struct {
	path string // slash separated, from the root
	pkg  string // its directory
	ast  *ast.File
	src  []byte
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goFiles parses every Go file of the tree.
func goFiles(t *testing.T) []file {
	t.Helper()
	var out []file
	top := root(t)
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && p != top || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out = append(out, file{rel, filepath.ToSlash(filepath.Dir(rel)), f, src})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f file) test() bool      { return strings.HasSuffix(f.path, "_test.go") }
func (f file) generated() bool { return strings.HasSuffix(f.path, "_gen.go") }

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		from, known := kinds[f.pkg]
		if !known {
			t.Errorf("%s: package %s has no kind in internal/tidy", f.path, f.pkg)
			continue
		}
		for _, spec := range f.ast.Imports {
			name, own := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if !own || f.test() {
				continue
			}
			to, known := kinds[name]
			_, excepted := exceptions[f.pkg+" -> "+name]
			switch {
			case !known:
				t.Errorf("%s imports %s, which has no kind", f.path, name)
			case strings.HasPrefix(f.pkg, "kafka/") && strings.HasPrefix(name, "aws/"), strings.HasPrefix(f.pkg, "aws/") && strings.HasPrefix(name, "kafka/"):
				t.Errorf("%s imports %s: the two sides meet in server only", f.path, name)
			case excepted:
			case from == library && to == library && f.pkg != name:
			case from == core && to == core, from == edge && to == edge, to >= from && from != top:
				t.Errorf("%s (kind %d) imports %s (kind %d): imports run down only", f.path, from, name, to)
			}
		}
	}
}

// impure are packages that a core must not touch, but for its service.go.
var impure = []string{"os", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "sync"}

// impureCalls are what of other packages a core must not use.
var impureCalls = []string{"time.Now(", "net.Dial", "net.Listen", "http.Client", "http.Get("}

func TestCoresArePure(t *testing.T) {
	for _, f := range goFiles(t) {
		if kinds[f.pkg] != core || f.test() || strings.HasPrefix(filepath.Base(f.path), "service") {
			continue
		}
		for _, spec := range f.ast.Imports {
			if name := strings.Trim(spec.Path.Value, `"`); slices.Contains(impure, name) {
				t.Errorf("%s imports %s: a core does no I/O and knows no clock, randomness or lock", f.path, name)
			}
		}
		for _, call := range impureCalls {
			if bytes.Contains(f.src, []byte(call)) {
				t.Errorf("%s uses %s: a core does no I/O and knows no clock", f.path, call)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	said := make(map[string]bool)
	for _, f := range goFiles(t) {
		if f.ast.Doc != nil || f.test() && !said[f.pkg] && f.ast.Doc != nil {
			said[f.pkg] = true
		}
	}
	for _, f := range goFiles(t) {
		if !said[f.pkg] && !f.test() {
			t.Errorf("package %s says nothing of itself", f.pkg)
			said[f.pkg] = true
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", f.path)
			}
		}
	}
}

const (
	maxFileLines     = 800
	maxFunctionLines = 70
)

func TestFilesAreShort(t *testing.T) {
	for _, f := range goFiles(t) {
		if n := bytes.Count(f.src, []byte("\n")); n > maxFileLines && !f.generated() {
			t.Errorf("%s has %d lines, the limit is %d", f.path, n, maxFileLines)
		}
	}
}

// TestFunctionLengths reports functions over 70 lines; tests may be longer.
func TestFunctionLengths(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.generated() || f.test() {
			continue
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			begin, end := int(fn.Pos()-f.ast.FileStart), int(fn.End()-f.ast.FileStart)
			if n := bytes.Count(f.src[begin:end], []byte("\n")) + 1; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, the limit is %d", f.path, fn.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// tracked lists the files under version control.
func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

const maxTracked = 512 << 10 // bytes; more is a program or a data set that belongs elsewhere

func TestNothingLarge(t *testing.T) {
	for _, name := range tracked(t) {
		if info, err := os.Stat(filepath.Join(root(t), name)); err == nil && info.Size() > maxTracked {
			t.Errorf("%s has %d bytes, the limit is %d", name, info.Size(), maxTracked)
		}
	}
}

// TestDesignNumbers: a note of design has a number of its own.
func TestDesignNumbers(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range tracked(t) {
		if number, ok := strings.CutPrefix(name, "docs/design/"); ok {
			number = number[:min(4, len(number))]
			if other := seen[number]; other != "" {
				t.Errorf("%s and %s have one number", other, name)
			}
			seen[number] = name
		}
	}
}

var machinePath = regexp.MustCompile(`(^|[\s"'=(])/(work|root|home)/[a-z]`)

func TestNoMachinePaths(t *testing.T) {
	for _, name := range tracked(t) {
		data, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil || bytes.IndexByte(data, 0) >= 0 || strings.HasPrefix(name, "internal/tidy/") {
			continue
		}
		if at := machinePath.FindIndex(data); at != nil {
			t.Errorf("%s names a path of somebody's machine: %q", name, data[at[0]:min(len(data), at[1]+20)])
		}
	}
}

var markdownLink = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

func TestLinks(t *testing.T) {
	for _, name := range tracked(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range markdownLink.FindAllSubmatch(data, -1) {
			target := filepath.Join(root(t), filepath.Dir(name), string(m[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}

var namedTest = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")

// TestSecurityClaimsHaveTests: every test that SECURITY.md names is there.
func TestSecurityClaimsHaveTests(t *testing.T) {
	there := make(map[string]bool)
	for _, f := range goFiles(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test() && fn.Recv == nil {
				there[fn.Name.Name] = true
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(root(t), "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := namedTest.FindAllSubmatch(data, -1)
	for _, m := range named {
		if !there[string(m[1])] {
			t.Errorf("SECURITY.md names %s, which is not there", m[1])
		}
	}
	if len(named) < 40 {
		t.Errorf("SECURITY.md names only %d tests", len(named))
	}
}
