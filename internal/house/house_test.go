package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// A file is one Go file of the module, whatever its build tags.
type file struct {
	path     string // relative to the module, with slashes
	test     bool
	external bool // a test of package foo_test
	lines    int
	made     bool // generated
	imports  []imported
}

type imported struct {
	path string
	line int
}

// goFiles parses the imports of every Go file in the module; nested modules,
// testdata and folders that go build ignores are not part of it.
func goFiles(t *testing.T) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p == root {
				return nil
			}
			_, nested := os.Stat(filepath.Join(p, "go.mod"))
			if nested == nil || name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" || name[0] == '.' || name[0] == '_' {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, p, src, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(rel), test: strings.HasSuffix(name, "_test.go"), lines: bytes.Count(src, []byte("\n")), made: ast.IsGenerated(syntax)}
		f.external = f.test && strings.HasSuffix(syntax.Name.Name, "_test")
		for _, spec := range syntax.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported{to, set.Position(spec.Pos()).Line})
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no Go files found")
	}
	return out
}

// inModule returns to relative to the module.
func inModule(to string) (string, bool) {
	if to == Module {
		return ".", true
	}
	return strings.CutPrefix(to, Module+"/")
}

func under(p string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return p == r || strings.HasPrefix(p, r+"/") })
}

// Imports run down the plan. A test inside its package keeps to it as well;
// one of package foo_test is a user of the room and may look anywhere.
func TestImportOrder(t *testing.T) {
	for _, f := range goFiles(t) {
		from := path.Dir(f.path)
		if _, _, ok := Room(from); !ok {
			t.Errorf("%s: %s lies in no room of the plan: put it into one, or add the room to internal/house and CONTRIBUTING.md", f.path, from)
			continue
		}
		if f.external {
			continue
		}
		for _, im := range f.imports {
			to, ours := inModule(im.path)
			if !ours || to == from {
				continue
			}
			if why, ok := MayImport(from, to); !ok {
				t.Errorf("%s:%d: imports %s: %s", f.path, im.line, to, why)
			}
		}
	}
}

// The kernels check nothing, so only the rooms that check before they call may
// call them. Tests may compare with them.
func TestKernelCallers(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || under(f.path, "internal/kernel", "tensor", "autograd", "optim") {
			continue
		}
		for _, im := range f.imports {
			if to, _ := inModule(im.path); under(to, "internal/kernel") {
				t.Errorf("%s:%d: imports %s: only tensor, autograd and optim call kernels", f.path, im.line, to)
			}
		}
	}
}

// What nothing in the library may import, and why.
var refused = map[string]string{
	"C":         "the library is pure Go",
	"math/rand": "randomness is a seeded math/rand/v2.PCG that is passed in",
}

// modules are what the library may require, and the imports from them; testify
// serves tests alone.
var modules = []string{"golang.org/x/sys", "golang.org/x/sync", "golang.org/x/text", "gonum.org/v1/gonum", "github.com/stretchr/testify"}

// indirect are what those require in turn.
var indirect = []string{"go.yaml.in/yaml/v3", "github.com/davecgh/go-spew", "github.com/pmezard/go-difflib", "gopkg.in/yaml.v3"}

func TestForeignImports(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, im := range f.imports {
			if why, no := refused[im.path]; no {
				t.Errorf("%s:%d: imports %q: %s", f.path, im.line, im.path, why)
			}
			first, _, _ := strings.Cut(im.path, "/")
			if _, ours := inModule(im.path); ours || !strings.Contains(first, ".") {
				continue
			}
			if !under(im.path, modules...) {
				t.Errorf("%s:%d: imports %s, which is not among the allowed modules", f.path, im.line, im.path)
			}
			if !f.test && under(im.path, "github.com/stretchr/testify") {
				t.Errorf("%s:%d: imports %s outside a test", f.path, im.line, im.path)
			}
		}
	}
}

// A file is one idea, and one idea needs no more than 500 lines.
func TestFileLength(t *testing.T) {
	const most = 500
	for _, f := range goFiles(t) {
		if !f.test && !f.made && f.lines > most {
			t.Errorf("%s: %d lines, more than %d: split it by ideas", f.path, f.lines, most)
		}
	}
}

// go.mod requires nothing beyond the list, so that go get stays light.
func TestGoMod(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range checkGoMod(string(data)) {
		t.Error("go.mod:" + problem)
	}
}

func checkGoMod(text string) (problems []string) {
	block := ""
	for i, line := range strings.Split(text, "\n") {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		if len(words) == 0 {
			continue
		}
		verb := block
		switch {
		case words[0] == ")":
			block = ""
			continue
		case block == "":
			verb, words = words[0], words[1:]
		}
		if len(words) > 0 && words[0] == "(" {
			block = verb
			continue
		}
		switch verb {
		case "module", "go", "toolchain":
		case "require":
			known := slices.Contains(modules, words[0]) ||
				strings.TrimSpace(comment) == "indirect" && slices.Contains(indirect, words[0])
			if !known {
				problems = append(problems, fmt.Sprintf("%d: requires %s, which is not among the allowed modules: a heavy dependency belongs into a nested module", i+1, words[0]))
			}
		default: // a replace or exclude does not reach those who import the library
			problems = append(problems, fmt.Sprintf("%d: %s directives do not reach the library's users", i+1, verb))
		}
	}
	return problems
}

// CONTRIBUTING.md shows the same plan, in the same order.
func TestContributingNamesRooms(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for line := range strings.Lines(string(data)) {
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		cell, _, _ = strings.Cut(cell, " |")
		shown = append(shown, strings.ReplaceAll(cell, "`", ""))
	}
	var want []string
	for _, names := range Rooms {
		want = append(want, strings.Join(names, ", "))
	}
	if !slices.Equal(want, shown) {
		t.Errorf("the table of rooms in CONTRIBUTING.md is\n%q\nand the plan is\n%q", shown, want)
	}
}

func TestMayImport(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
		why      string
	}{
		{"autograd", "tensor", true, ""},
		{"tensor", "autograd", false, "autograd stands above tensor, and an import only runs down"},
		{"autograd/gradcheck", "autograd", true, ""},
		{"nn", "nn/lm", false, "nn/lm stands above nn, and an import only runs down"},
		{"nn/lm", "nn", true, ""},
		{"userllm", "userllm/history", true, ""},
		{"userllm/history", "userllm", false, "userllm stands above userllm/history, and an import only runs down"},
		{"tensor/gguf", "tensor/npy", false, "tensor/gguf and tensor/npy stand on one line of the plan and must not know each other"},
		{"tensor/gguf/internal/bits", "tensor/gguf", true, ""},
		{"examples/gpt", "examples/userllm", false, "examples/gpt and examples/userllm stand on one line of the plan and must not know each other"},
		{"examples/gpt", "internal/run", true, ""},
		{"internal/run", "rlpf", true, ""},
		{"tools", "tensor", false, "tools lies in no room of the plan"},
		{"nn", "tensorflow", false, "tensorflow lies in no room of the plan"},
		{"examples", "nn", false, "examples lies in no room of the plan"},
	} {
		why, ok := MayImport(c.from, c.to)
		if ok != c.ok || why != c.why {
			t.Errorf("%s → %s: got %v %q, want %v %q", c.from, c.to, ok, why, c.ok, c.why)
		}
	}
}

func TestCheckGoMod(t *testing.T) {
	good := "module m // x\n\ngo 1.26.0\n\nrequire golang.org/x/sys v0.1.0\nrequire (\n\tgonum.org/v1/gonum v0.17.0\n\tgo.yaml.in/yaml/v3 v3.0.5 // indirect\n)\n"
	if p := checkGoMod(good); len(p) > 0 {
		t.Error(p)
	}
	for _, bad := range []string{"require example.com/x v1.0.0", "require (\n\tgo.yaml.in/yaml/v3 v3.0.5\n)", "replace golang.org/x/sys => ../sys", "require (\n\texample.com/x v1.0.0 // indirect\n)\n"} {
		if p := checkGoMod(good + bad + "\n"); len(p) != 1 {
			t.Errorf("%q: got %q, want one problem", bad, p)
		}
	}
}
