"""Part I: discounted MDPs, softmax policies, natural policy gradient, and how entropy moves."""
