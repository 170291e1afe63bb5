// Package house keeps the library's plan: its test fails when an import runs
// against the order of the rooms, when a file grows beyond what one idea
// needs, or when the library gets heavier than it promises.
package house

import "strings"

// Module is the module's import path.
const Module = "github.com/noema-ml/noema"

// Rooms lists the rooms from the ground up, a line of the plan each. An import
// runs from a later line to an earlier one, never back up, nor between rooms
// of one line. A package belongs to the room with the longest name that holds
// it; packages of one room may import each other. A name that ends in "/*"
// makes every folder below it a room.
var Rooms = [][]string{
	{"internal/file"},
	{"internal/parallel"},
	{"internal/kernel"},
	{"tensor"},
	{"tensor/safetensors", "tensor/gguf", "tensor/npy"},
	{"autograd"},
	{"internal/optable"},
	{"nn"},
	{"nn/metric"},
	{"nn/tokenizer"},
	{"nn/lm"},
	{"optim"},
	{"optim/train"},
	{"rl"},
	{"userllm/history"},
	{"userllm"},
	{"rlpf"},
	{"internal/run"},
	{"examples/*"},
	{"benchmarks"},
	{"internal/house"},
}

// Room returns the room that holds the package at path, relative to the
// module, and its line in Rooms; ok is false if no room does.
func Room(path string) (room string, line int, ok bool) {
	for i, names := range Rooms {
		for _, name := range names {
			if under, all := strings.CutSuffix(name, "/*"); all {
				rest, in := strings.CutPrefix(path, under+"/")
				if !in {
					continue
				}
				first, _, _ := strings.Cut(rest, "/")
				name = under + "/" + first
			}
			if (path == name || strings.HasPrefix(path, name+"/")) && len(name) > len(room) {
				room, line, ok = name, i, true
			}
		}
	}
	return room, line, ok
}

// MayImport reports whether a package at from may import the one at to, both
// relative to the module, and if not, why.
func MayImport(from, to string) (why string, ok bool) {
	a, i, okA := Room(from)
	b, j, okB := Room(to)
	switch {
	case !okA:
		return from + " lies in no room of the plan", false
	case !okB:
		return to + " lies in no room of the plan", false
	case a == b || j < i:
		return "", true
	case i == j:
		return a + " and " + b + " stand on one line of the plan and must not know each other", false
	}
	return b + " stands above " + a + ", and an import only runs down", false
}
