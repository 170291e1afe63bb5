// Package tokenizer turns text into the integer tokens that language models
// read, and back.
//
// BPE is byte-level byte-pair encoding as in GPT-2 (Radford et al. 2019,
// "Language Models are Unsupervised Multitask Learners", section 2.2): it
// starts from the 256 bytes, so every text, in any script and even with bytes
// that are not UTF-8, is encoded without an unknown token and decodes to
// exactly the same bytes. It can be trained with [TrainBPE], written and read
// as a Hugging Face tokenizer.json with [BPE.Save] and [Load], and read from
// GPT-2's pair of files with [LoadGPT2].
//
// # Special tokens
//
// A special token such as <|endoftext|> marks structure, not text.
// [BPE.Encode] never produces one, whatever the text says, so text from
// outside cannot forge one; [BPE.EncodeSpecial], for trusted templates, does.
// Its id, from [BPE.ID], can also be put among the ids directly.
//
// Every tokenizer is immutable once built and is safe for use by several
// goroutines at once.
package tokenizer

// A Tokenizer turns text into tokens and back. Tokens are numbered from 0 to
// Vocab()-1. Implementations are safe for concurrent use.
type Tokenizer interface {
	// Encode returns the tokens of text; special tokens are never among them.
	Encode(text string) []int32
	// Decode returns the text of ids. Ids outside the vocabulary add nothing.
	Decode(ids []int32) string
	// Vocab returns the number of tokens.
	Vocab() int
	// Token returns the vocabulary's spelling of id, "" if there is none.
	Token(id int32) string
	// ID returns the token with this spelling.
	ID(token string) (id int32, ok bool)
}
