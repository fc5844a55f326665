// Command readme writes the table of what works into README.md: a row for each
// test in e2e and each listed test elsewhere that has a line "Works: ..." in its
// doc comment. What has no test cannot be in the table.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	begin = "<!-- generated from the tests: make fresh -->\n"
	end   = "<!-- end -->\n"
	mark  = "Works: "
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run() error {
	var rows []string
	for _, pattern := range []string{"e2e/*_test.go", "kafka/cluster/*_test.go", "millracetest/*_test.go", "server/*_test.go", "sim/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, f := range files {
			found, err := rowsOf(f)
			if err != nil {
				return err
			}
			rows = append(rows, found...)
		}
	}
	slices.Sort(rows)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(readme), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("README.md lacks the lines %q and %q", begin, end)
	}
	table := "\n| what works | the test that shows it |\n|---|---|\n" + strings.Join(rows, "") + "\n"
	return os.WriteFile("README.md", []byte(before+begin+table+end+after), 0o644)
}

// rowsOf reads the marked tests of a file.
func rowsOf(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Doc == nil || !strings.HasPrefix(fn.Name.Name, "Test") {
			continue
		}
		_, what, ok := strings.Cut(strings.ReplaceAll(fn.Doc.Text(), "\n", " "), mark)
		if ok {
			rows = append(rows, fmt.Sprintf("| %s | `%s` in [%s](%s) |\n", strings.TrimSpace(what), fn.Name.Name, file, file))
		}
	}
	return rows, nil
}
