//go:build !amd64 || noasm

package kernel

func accelerated() []variant { return nil }
