// Package history holds users' timelines: what a user did, event by event, in
// the order of time. It loads public data sets (MovieLens 100k, 1M,
// latest-small, 20M, 25M and 32M; SASRec's sequences of MovieLens 1M; the Yelp
// sequences of S3Rec), turns events into the small integers that embedding
// layers read, splits each timeline by time, and generates synthetic timelines
// whose truth is known.
//
// A timeline is the input of User-LLM (arXiv 2402.13598, section 3.1): events in
// chronological order, each with several features, each feature with a
// vocabulary of its own. The last events of a user are kept for test.
//
// Nothing that a file holds makes this package panic: a bad line is an error
// that names the file and the line.
package history
