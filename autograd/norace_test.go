//go:build !race

package autograd_test

const raceDetector = false
