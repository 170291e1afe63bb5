// Gen writes the assembly of package kernel and the Go declarations of its
// functions.
//
//	go run -C internal/kernel/gen . [-out DIR]
//
// It is a module of its own so that the library does not carry it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// families lists what is generated, a line for each family of functions.
var families = []func() []*File{
	gemmFamily,
	gemmNEON,
	narrow,
	vectorFiles,
	normFiles,
	updateFiles,
	ropeFiles,
	attentionFiles,
	dropoutFiles,
}

func main() {
	out := flag.String("out", "..", "folder to write to")
	flag.Parse()
	for _, family := range families {
		for _, f := range family() {
			for ext, text := range map[string][]byte{".s": f.Assembly(), ".go": f.Declarations()} {
				if err := os.WriteFile(filepath.Join(*out, f.name+ext), text, 0o666); err != nil {
					fmt.Fprintln(os.Stderr, "gen:", err)
					os.Exit(1)
				}
			}
		}
	}
}
