// Package nn holds the layers of neural networks: linear maps, norms,
// attention with its key/value cache, transformer blocks, the Perceiver
// resampler, gated cross-attention, LoRA and losses.
//
// A module is a plain struct whose exported fields hold its parameters and
// submodules; [Params] finds and names them, so a new layer is a struct and a
// Forward. Mode and randomness come with the [autograd.Scope] that every
// Forward takes. Constructors make float32 parameters; [Cast] changes that.
package nn
