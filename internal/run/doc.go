// Package run holds what the example programs share: flags that explain
// themselves, a run folder with a lock and files that are never half-written,
// results.json, metrics.jsonl, the terminal's table and progress line, and an
// HTML report with plots. It knows nothing of tensors or models, so a program
// in any room may use it.
package run
