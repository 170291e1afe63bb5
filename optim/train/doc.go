// Package train runs training loops that can be watched, stopped and
// continued.
//
// [Run] is the loop: it takes batches from a [Loader], accumulates gradients,
// follows a schedule, clips, steps, evaluates, stops early and writes
// checkpoints. Started again with the same configuration it goes on from the
// newest good checkpoint, and its weights equal those of an uninterrupted run
// bit for bit, whatever GOMAXPROCS is and however it ended: by a cancelled
// context, an error or a kill.
//
// [Saver] writes the same checkpoints for loops written elsewhere, and
// [SaveModel] and [LoadModel] read and write plain files of weights.
//
// The wall clock is read for the progress report alone; it never steers what
// is computed.
package train
