// Package lm holds decoder-only language models: pre-norm Transformers with
// RMSNorm, SwiGLU and rotary positions in the manner of Llama (Touvron et al.
// 2023, arXiv 2302.13971), which can also read a soft prompt and, by
// cross-attention, a memory.
package lm
