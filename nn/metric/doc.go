// Package metric measures predictions: ranking (recall@k, NDCG@k, MRR),
// accuracy, perplexity and ROUGE, with bootstrap intervals and paired tests
// for data in which one user contributes many items.
//
// A ranking metric starts from ranks: [Rank] for one vector of scores, [Ranks]
// for a matrix, [Position] for a list of answers. The first place is rank 1;
// rank 0 says that the target was not found at all. [Hit], [Gain] and
// [ReciprocalRank] give the metric of one item, which is what intervals and
// paired tests take; [RecallAt], [NDCGAt] and [MRR] are their means.
//
// The mean of nothing is NaN, here and in every function of the package, so
// that an empty evaluation cannot pass for a bad or a good one. All sums run in
// the order of the input; all randomness comes from the source that is passed
// in.
package metric
