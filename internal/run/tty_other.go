//go:build !unix || aix

package run

import "os"

// terminalColumns returns 0, no terminal: progress comes as plain lines.
func terminalColumns(*os.File) int { return 0 }
