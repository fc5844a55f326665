package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A test calls an operation of AWS when
//
//   - Go code names its request's type: kms.EncryptRequest, or EncryptInput of the SDK,
//   - Go code has the string "Action=CreateUser", or "TrentService.Encrypt", with the
//     service's name in the same call or as the target's prefix; or "Action=..." or
//     "Action": {"..."} with an operation that one service alone has,
//   - Go code has the verb of the command line, "create-key", with the service's
//     name in the same call, or in one of awsCLI's methods for MSK,
//   - Python code has client.create_key, of a client that boto3 made for the service,
//   - the doc comment of a Go test has a line "Calls: kms:Encrypt, kms:Decrypt" for
//     what a program such as Terraform sends.
//
// What none of them calls, although it is served, is an error.

// awsService is the operations of a service, from internal/gen/aws/models.
type awsService struct {
	name         string // as the command line and policies have it
	pkg          string // of aws/model
	served, rest []string
}

// maxCallers is how many tests are named for an operation.
const maxCallers = 2

// maxNamed is how many operations that are not served are named: EC2 has hundreds.
const maxNamed = 150

// cliNames is where the command line's name is not the package's.
var cliNames = map[string]string{"acmpca": "acm-pca", "servicequotas": "service-quotas", "applicationautoscaling": "application-autoscaling"}

func awsServices() (all []awsService, err error) {
	files, err := filepath.Glob("internal/gen/aws/models/*.json")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no models of AWS services: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var m struct{ Operations, Others []struct{ Name string } }
		if err := json.Unmarshal(data, &m); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		s := awsService{pkg: strings.TrimSuffix(filepath.Base(file), ".json")}
		if s.name = cliNames[s.pkg]; s.name == "" {
			s.name = s.pkg
		}
		for _, o := range m.Operations {
			s.served = append(s.served, o.Name)
		}
		for _, o := range m.Others {
			s.rest = append(s.rest, o.Name)
		}
		all = append(all, s)
	}
	return all, nil
}

// calls finds the test files that call each operation, as "service:Operation".
type calls struct {
	bySnake, byKebab map[string]map[string]string // service -> name of a call -> operation
	known            map[string]bool
	only             map[string]string // operation -> the one service that has it
	files            map[string][]string
}

func newCalls(services []awsService) *calls {
	c := &calls{map[string]map[string]string{}, map[string]map[string]string{}, map[string]bool{}, map[string]string{}, map[string][]string{}}
	several := map[string]int{}
	for _, s := range services {
		c.bySnake[s.name], c.byKebab[s.name] = map[string]string{}, map[string]string{}
		for _, op := range slices.Concat(s.served, s.rest) {
			c.known[s.name+":"+op] = true
			if c.only[op] = s.name; several[op] > 0 {
				c.only[op] = ""
			}
			several[op]++
			c.bySnake[s.name][snake(op)] = op
			c.byKebab[s.name][strings.ReplaceAll(snake(op), "_", "-")] = op
		}
	}
	return c
}

var (
	beforeWord = regexp.MustCompile(`(.)([A-Z][a-z]+)`)
	afterLower = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronym    = regexp.MustCompile(`[A-Z]{3,}s$`)
)

// snake is an operation's name in Python: as botocore's xform_name.
func snake(name string) string {
	if m := acronym.FindString(name); m != "" {
		name = strings.TrimSuffix(name, m) + "_" + strings.ToLower(m)
	}
	return strings.ToLower(afterLower.ReplaceAllString(beforeWord.ReplaceAllString(name, "${1}_${2}"), "${1}_${2}"))
}

// found notes that a file calls an operation.
func (c *calls) found(service, operation, file string) {
	name := service + ":" + operation
	if c.known[name] && !slices.Contains(c.files[name], file) {
		c.files[name] = append(c.files[name], file)
	}
}

// read looks through every test: those with foreign clients first.
func (c *calls) read() error {
	for _, dir := range []string{"e2e", "server", "millracetest", "cli", "aws"} {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			file := filepath.ToSlash(p)
			switch {
			case err != nil || d.IsDir():
				return err
			case strings.HasSuffix(p, "_test.go"):
				return c.goTest(file)
			case strings.HasSuffix(p, ".py") && strings.Contains(file, "/testdata/"):
				return c.python(file)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var (
	client = regexp.MustCompile(`(?m)^\s*(\w+) = (?:boto3|strict)\.client\("([\w-]+)"`)
	member = regexp.MustCompile(`\b(\w+)\.(?:get_paginator\("(\w+)"\)|(\w+))`)
)

func (c *calls) python(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	clients := map[string]string{}
	for _, m := range client.FindAllSubmatch(text, -1) {
		clients[string(m[1])] = string(m[2])
	}
	for _, m := range member.FindAllSubmatch(text, -1) {
		service := clients[string(m[1])]
		if op := c.bySnake[service][string(m[2])+string(m[3])]; op != "" {
			c.found(service, op, file)
		}
	}
	return nil
}

// request is the name of an operation's input: of aws/model, or of the SDK.
var request = regexp.MustCompile(`^(\w+?)(?:Request|Input)(?:Type|Message)?$`)

func (c *calls) goTest(file string) error {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	packages := servicePackages(f)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			pkg, _ := n.X.(*ast.Ident)
			if m := request.FindStringSubmatch(n.Sel.Name); m != nil && pkg != nil {
				c.found(packages[pkg.Name], m[1], file)
			}
		case *ast.CallExpr:
			c.words(n, file)
		case *ast.KeyValueExpr:
			c.form(n, file)
		case *ast.FuncDecl:
			for line := range strings.Lines(n.Doc.Text()) {
				list, _ := strings.CutPrefix(line, "Calls: ")
				for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
					service, op, _ := strings.Cut(name, ":")
					c.found(service, op, file)
				}
			}
		}
		return true
	})
	return nil
}

// servicePackages is which imports of a file are a service's types.
func servicePackages(f *ast.File) map[string]string {
	out := map[string]string{}
	for _, spec := range f.Imports {
		at, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !strings.Contains(at, "/aws/model/") && !strings.Contains(at, "/aws-sdk-go-v2/service/") {
			continue
		}
		pkg := path.Base(at)
		name := pkg
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if out[name] = cliNames[pkg]; out[name] == "" {
			out[name] = pkg
		}
	}
	return out
}

var (
	action = regexp.MustCompile(`^Action=(\w+)`)
	target = regexp.MustCompile(`^(\w+)\.(\w+)$`)
)

// targets is the services of JSON targets.
var targets = map[string]string{"TrentService": "kms", "secretsmanager": "secretsmanager", "ACMPrivateCA": "acm-pca"}

// mskMethods are awsCLI's methods whose verbs are of MSK.
var mskMethods = map[string]bool{"kafka": true, "refused": true}

// words looks at the strings in a call's arguments.
func (c *calls) words(call *ast.CallExpr, file string) {
	var all, services []string
	for _, arg := range call.Args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					all = append(all, s)
					if c.byKebab[s] != nil {
						services = append(services, s)
					}
				}
			}
			return true
		})
	}
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok && mskMethods[sel.Sel.Name] {
		services = append(services, "kafka")
	}
	for _, s := range all {
		if m := target.FindStringSubmatch(s); m != nil {
			c.found(targets[m[1]], m[2], file)
		}
		if m := action.FindStringSubmatch(s); m != nil {
			for _, service := range append(services, c.only[m[1]]) {
				c.found(service, m[1], file)
			}
		}
		for _, service := range services {
			if op := c.byKebab[service][s]; op != "" {
				c.found(service, op, file)
			}
		}
	}
}

// form looks at a form's field: "Action": {"CreateUser"}.
func (c *calls) form(field *ast.KeyValueExpr, file string) {
	if key, ok := field.Key.(*ast.BasicLit); !ok || key.Value != `"Action"` {
		return
	}
	ast.Inspect(field.Value, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			op := strings.Trim(lit.Value, "`\"")
			c.found(c.only[op], op, file)
		}
		return true
	})
}

// writeAWS appends the tables of AWS's operations, also when some have no test,
// which is its error.
func writeAWS(out *strings.Builder) error {
	services, err := awsServices()
	if err != nil {
		return err
	}
	c := newCalls(services)
	if err := c.read(); err != nil {
		return err
	}
	out.WriteString("\n# AWS API coverage\n\nFrom the models that the API is generated from, and from the tests. An operation that is not served answers 501 `NotImplementedException` with its name.\n")
	var missing []string
	for _, s := range services {
		fmt.Fprintf(out, "\n## %s\n\n%d of %d operations are served.\n\n| operation | called by |\n|---|---|\n", s.name, len(s.served), len(s.served)+len(s.rest))
		for _, op := range s.served {
			files := c.files[s.name+":"+op]
			if len(files) == 0 {
				missing = append(missing, s.name+":"+op)
			}
			fmt.Fprintf(out, "| %s | %s |\n", op, cmp.Or(links(files[:min(len(files), maxCallers)]), "none yet"))
		}
		if len(s.rest) > 0 && len(s.rest) <= maxNamed {
			fmt.Fprintf(out, "\nNot served: %s.\n", strings.Join(s.rest, ", "))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no test calls %s: write one, or name them in the doc comment of the test whose program calls them (\"Calls: %s\")", strings.Join(missing, ", "), missing[0])
	}
	return nil
}
