package autograd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/internal/optable"
)

// Every exported function that makes a Var has a row.
func TestTableIsComplete(t *testing.T) {
	elsewhere := []string{"Custom", "Recompute"} // take functions; tested on their own
	rows := map[string]bool{}
	for _, op := range optable.All {
		require.False(t, rows[op.Name], "%s has two rows", op.Name)
		rows[op.Name] = true
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || !returnsVar(fn) || slices.Contains(elsewhere, fn.Name.Name) {
				continue
			}
			require.True(t, rows[fn.Name.Name], "%s has no row in internal/optable", fn.Name.Name)
			delete(rows, fn.Name.Name)
		}
	}
	require.Empty(t, rows, "rows without a function")
}

func returnsVar(fn *ast.FuncDecl) bool {
	if fn.Type.Results == nil {
		return false
	}
	for _, result := range fn.Type.Results.List {
		var b strings.Builder
		ast.Inspect(result.Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				b.WriteString(id.Name)
			}
			return true
		})
		if b.String() == "Var" {
			return true
		}
	}
	return false
}

// Other numbers than the table's own meet the same promises: the seed draws
// operands, indices and masks.
func FuzzOperations(f *testing.F) {
	f.Add(uint64(1), uint8(0))
	f.Add(uint64(2), uint8(40))
	f.Fuzz(func(t *testing.T, seed uint64, row uint8) {
		op := optable.All[int(row)%len(optable.All)]
		for _, sample := range op.Samples(rand.NewPCG(seed, 1)) {
			if sample.Big {
				continue
			}
			require.NoError(t, autograd.GradCheck(sample.Func, 1e-5, sample.Inputs...), "%s %s", op.Name, sample.Name)
			if sample.Want != nil {
				got := run(poisoned(), sample.Func, nil, sample.Inputs...)
				near(t, op.Name+" "+sample.Name, sample.Want(sample.Inputs...), got.y, 1e-10, size(sample.Inputs...))
			}
		}
	})
}
