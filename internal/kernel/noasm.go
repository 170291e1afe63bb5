//go:build noasm || !(amd64 || arm64)

package kernel

func accelerated() []variant { return nil }
