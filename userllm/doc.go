// Package userllm is the method of User-LLM (arXiv 2402.13598): a user encoder,
// pretrained on timelines, turns a long history into embeddings, and a
// language model reads them through cross-attention or as a soft prompt.
//
// To use a trained model, [Load] its run folder and ask the [Recommender].
// To train one, divide a data set with [NewExperiment], begin a [Run] and call
// its methods: each trains what it needs in stages that can be interrupted, and
// [Run.Test] puts the same questions to User-LLM and to its rivals. The program
// examples/userllm does all of that and writes a report.
//
// Where the paper leaves a choice, the code says what it took: see [Encoder],
// [Model] and [NewDualEncoder].
package userllm
